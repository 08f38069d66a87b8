/**
 * Who speaks pluto v0.4 at the other end of a TLS connection.
 *
 * The certificates of v0.4 name no nodes. So the configuration says which certificate a peer has, by its fingerprint; without one,
 * the certificate must hold the IP address that the peer is reached at, and then no two peers may share that address. Both come on top
 * of what TLS checks: that the certificate is of the configured CA, and valid now.
 */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { AntecedentError, nodeName, type NodeName } from '../../core/index.js';
import { parseAddress, type Address } from '../address.js';

/** A peer that speaks pluto v0.4, as `openNode` is given it. */
export interface PlutoPeerOptions {
  /** `host:port` of its sync port. */
  readonly address: string;
  readonly protocol: 'pluto-0.4';
  /** `sha256:` and the fingerprint of its certificate, with or without colons. Left out, the IP address in the certificate counts. */
  readonly fingerprint?: string | undefined;
}

export interface PlutoIdentity {
  readonly name: NodeName;
  readonly address: Address;
  /** Upper case, with colons, as Node prints it; undefined: the certificate must name the IP address. */
  readonly fingerprint: string | undefined;
}

const fingerprintPattern = /^sha256:([0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31})$/;

/** Reads the peers of a configuration. Throws `E_NAME`, or `E_CONFIG` with the name of the peer and what to write instead. */
export function readPlutoPeers(
  peers: readonly (readonly [name: string, options: PlutoPeerOptions])[],
): ReadonlyMap<NodeName, PlutoIdentity> {
  const identities = new Map<NodeName, PlutoIdentity>();
  for (const [given, options] of peers) {
    const identity = readPlutoPeer(nodeName(given), options);
    const rival = [...identities.values()].find((other) => isSame(other, identity));
    if (rival !== undefined) {
      const remedy = 'give each the fingerprint of its own certificate';
      throw new AntecedentError('E_CONFIG', `peers.${given} cannot be told from peers.${rival.name}: ${remedy}`);
    }
    identities.set(identity.name, identity);
  }
  return identities;
}

/** Throws `E_CONFIG`. */
export function readPlutoPeer(name: NodeName, { address: text, fingerprint }: PlutoPeerOptions): PlutoIdentity {
  const address = parseAddress(text, { zeroPort: false });
  if (fingerprint === undefined) {
    if (isIP(address.host) !== 0) return { name, address, fingerprint: undefined };
    const remedy = 'give the fingerprint of its certificate, or its IP address';
    throw new AntecedentError('E_CONFIG', `peers.${name} cannot be known by the host name ${address.host}: ${remedy}`);
  }
  const digits = fingerprintPattern.exec(fingerprint)?.[1];
  if (digits === undefined) {
    const remedy = 'antecedent keys show FILE, or openssl x509 -noout -fingerprint -sha256, prints it';
    const what = `peers.${name}.fingerprint must be "sha256:" and 64 hexadecimal digits; ${remedy}`;
    throw new AntecedentError('E_CONFIG', what);
  }
  const pairs = digits.replaceAll(':', '').toUpperCase().match(/../g) ?? [];
  return { name, address, fingerprint: pairs.join(':') };
}

/** The peer with this certificate. Throws `E_NOT_MEMBER` when there is none. */
export function identifyPlutoPeer(certificate: X509Certificate, peers: Iterable<PlutoIdentity>): PlutoIdentity {
  for (const peer of peers) if (isOf(certificate, peer)) return peer;
  const what = `a certificate with the fingerprint sha256:${certificate.fingerprint256} is that of no peer; if it should be one, put it into peers`;
  throw new AntecedentError('E_NOT_MEMBER', what);
}

/** Throws `E_IDENTITY` when the certificate is not that of the peer we dialled. */
export function checkPlutoPeer(certificate: X509Certificate, peer: PlutoIdentity): void {
  if (isOf(certificate, peer)) return;
  const expected = peer.fingerprint === undefined ? `one for ${peer.address.host}` : `sha256:${peer.fingerprint}`;
  const what = `${peer.name} has a certificate with the fingerprint sha256:${certificate.fingerprint256}, expected ${expected}`;
  throw new AntecedentError('E_IDENTITY', what);
}

function isOf(certificate: X509Certificate, { address, fingerprint }: PlutoIdentity): boolean {
  if (fingerprint !== undefined) return certificate.fingerprint256 === fingerprint;
  return certificate.checkIP(address.host) !== undefined;
}

/** True for two peers that one certificate could be of. */
function isSame(a: PlutoIdentity, b: PlutoIdentity): boolean {
  if (a.fingerprint !== undefined && b.fingerprint !== undefined) return a.fingerprint === b.fingerprint;
  return a.fingerprint === undefined && b.fingerprint === undefined && a.address.host === b.address.host;
}
