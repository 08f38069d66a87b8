/**
 * Who the other end of a TLS connection is.
 *
 * A node's name is in its certificate as the only URI name, a SPIFFE ID: `spiffe://<cluster>/node/<name>`. Everything here
 * compares whole strings; nothing searches inside them:
 * - exactly one URI name; the common name and DNS names say nothing; a CA certificate is no node;
 * - the trust domain is our cluster, the name is a member, and not our own;
 * - whoever we dialled is whom we meant to dial.
 * TLS alone leaves holes that are closed here too: a resumed session shows no certificate, a client that offers no
 * ALPN protocol is let in, and `rejectUnauthorized` can be disarmed from outside the program.
 * Source: SPIFFE X.509-SVID, sections 2 and 5.
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { AntecedentError, isNodeName, type ClusterName, type NodeName } from '../core/index.js';

/** The protocol both ends must name in ALPN; a new major version of the wire format gets a new one. */
export const alpnProtocol = 'antecedent/1';

/** What a finished handshake has shown. */
export interface Handshake {
  readonly isAuthorized: boolean;
  /** Why not, in OpenSSL's words. */
  readonly authorizationError: string;
  readonly isSessionReused: boolean;
  readonly tlsVersion: string | null;
  readonly alpnProtocol: string | false | null;
  readonly certificate: X509Certificate | undefined;
}

export interface Expectation {
  readonly cluster: ClusterName;
  readonly self: NodeName;
  readonly members: ReadonlySet<NodeName>;
  /** The member we dialled; undefined when it came to us. */
  readonly dialled: NodeName | undefined;
}

export function spiffeId(cluster: string, name: string): string {
  return `spiffe://${cluster}/node/${name}`;
}

export function handshakeOf(socket: TLSSocket): Handshake {
  return {
    isAuthorized: socket.authorized,
    // Typed as an Error, but a code as text where Node sets it.
    authorizationError: String(socket.authorizationError),
    isSessionReused: socket.isSessionReused(),
    tlsVersion: socket.getProtocol(),
    alpnProtocol: socket.alpnProtocol,
    certificate: socket.getPeerX509Certificate(),
  };
}

/** The member at the other end. Throws E_TLS_REFUSED, E_CERTIFICATE, E_CLUSTER, E_IDENTITY or E_NOT_MEMBER. */
export function identifyPeer(handshake: Handshake, expected: Expectation): NodeName {
  const refuse = (reason: string): AntecedentError => new AntecedentError('E_TLS_REFUSED', reason);
  if (handshake.isSessionReused) throw refuse('a resumed TLS session proves no certificate');
  if (!handshake.isAuthorized) throw refuse(`certificate not trusted: ${handshake.authorizationError}`);
  if (handshake.tlsVersion !== 'TLSv1.3') throw refuse(`${String(handshake.tlsVersion)} instead of TLSv1.3`);
  if (handshake.alpnProtocol !== alpnProtocol) {
    throw refuse(`the other end speaks ${offered(handshake.alpnProtocol)}, not ${alpnProtocol}`);
  }
  if (handshake.certificate === undefined) throw refuse('no certificate');
  return checkMember(certificateName(handshake.certificate, expected.cluster), expected);
}

function offered(protocol: string | false | null): string {
  return typeof protocol === 'string' ? JSON.stringify(protocol) : 'no named protocol';
}

/** Checks the name a certificate proves against the member list. Throws `E_IDENTITY` or `E_NOT_MEMBER`. */
export function checkMember(name: NodeName, expected: Expectation): NodeName {
  if (name === expected.self) {
    throw new AntecedentError('E_IDENTITY', `the other end has a certificate of our own name, ${name}`);
  }
  if (expected.dialled !== undefined && name !== expected.dialled) {
    throw new AntecedentError('E_IDENTITY', `dialled ${expected.dialled}, but the certificate says ${name}`);
  }
  if (!expected.members.has(name)) {
    const remedy = `if it should be one: antecedent member add ${name} ADDRESS`;
    throw new AntecedentError('E_NOT_MEMBER', `${name} is not a member; ${remedy}`);
  }
  return name;
}

/** The node that `certificate` names within `cluster`. Throws `E_CERTIFICATE` or `E_CLUSTER`. */
export function certificateName(certificate: X509Certificate, cluster: ClusterName): NodeName {
  const refuse = (reason: string): AntecedentError => new AntecedentError('E_CERTIFICATE', reason);
  if (certificate.ca) throw refuse('a CA certificate cannot be a node');
  const uris = uriNames(certificate.subjectAltName);
  const [uri] = uris;
  if (uri === undefined) throw refuse(`the certificate holds no URI name; it needs ${spiffeId(cluster, '<name>')}`);
  if (uris.length > 1) throw refuse(`the certificate holds ${uris.length} URI names; it must hold exactly one`);
  const match = /^spiffe:\/\/([^/]+)\/node\/([^/]+)$/.exec(uri);
  const [, trustDomain, name] = match ?? [];
  if (trustDomain === undefined || name === undefined || !isNodeName(name)) {
    throw refuse(`the certificate's URI name ${JSON.stringify(uri)} is not of the form spiffe://<cluster>/node/<name>`);
  }
  if (trustDomain !== cluster) {
    throw new AntecedentError(
      'E_CLUSTER',
      `the certificate is of cluster ${JSON.stringify(trustDomain)}, not ${cluster}`,
    );
  }
  return name;
}

/** One alternative name as Node prints it: plain, or a JSON string when it holds anything that could mislead. */
const alternativeName = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",\\]*)(?:, |$)/y;

/**
 * All URI names of a certificate, from the text of `X509Certificate.subjectAltName`. Throws `E_CERTIFICATE` unless every
 * character of the text is accounted for, so that no name can pose as two (CVE-2021-44532).
 */
export function uriNames(subjectAltName: string | undefined): readonly string[] {
  const text = subjectAltName ?? '';
  const uris: string[] = [];
  const pattern = new RegExp(alternativeName);
  for (let end = 0; end < text.length; end = pattern.lastIndex) {
    const [, kind, value] = pattern.exec(text) ?? [];
    if (kind === undefined || value === undefined) {
      throw new AntecedentError('E_CERTIFICATE', 'the alternative names of the certificate cannot be read');
    }
    // A quoted URI holds characters that no SPIFFE ID has: kept with its quotes it counts, and matches nothing.
    if (kind === 'URI') uris.push(value);
  }
  return uris;
}
