/**
 * The three PEM files of a node, checked before anything listens: CA certificates, own certificate, own key.
 *
 * A wrong file is found here with its path and the remedy; OpenSSL would only tell at the first handshake, on the other
 * machine. Key bytes never appear in a message.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { AntecedentError, type ClusterName, type ErrorCode, type NodeName } from '../core/index.js';
import { certificateName } from './identity.js';

/** Each is the path of a PEM file, or the PEM itself as bytes. */
export interface CredentialSources {
  readonly ca: string | Uint8Array;
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
}

/** PEM texts that belong together. */
export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Wall time at which our own certificate ends. */
  readonly notAfterMs: number;
}

/** Far above any real chain; a larger file is some other file. */
const pemBytesMax = 1 << 20;

/** Loads and checks those of node `name`. Throws E_CONFIG, E_KEY_MODE, E_CERTIFICATE, E_CLUSTER or E_IDENTITY. */
export function loadCredentials(sources: CredentialSources, cluster: ClusterName, name: NodeName): Credentials {
  return readCredentials(sources, (own) => checkOwnName(own, sources.cert, cluster, name));
}

/** Loads and checks those of whoever `check` lets pass, without it of anybody. Throws E_CONFIG, E_KEY_MODE or E_CERTIFICATE. */
export function readCredentials(
  sources: CredentialSources,
  check: (own: X509Certificate) => void = () => undefined,
): Credentials {
  const ca = readPem(sources.ca, 'CA certificate');
  const cert = readPem(sources.cert, 'certificate');
  const key = readPem(sources.key, 'private key');
  const authorities = certificatesIn(ca, sources.ca);
  const [own, ...intermediates] = certificatesIn(cert, sources.cert);
  if (own === undefined) throw problem('E_CERTIFICATE', sources.cert, 'holds no certificate');
  if (!own.checkPrivateKey(privateKeyIn(key, sources.key))) {
    throw problem('E_CERTIFICATE', sources.key, `is not the key of the certificate ${shown(sources.cert)}`);
  }
  check(own);
  if (![...authorities, ...intermediates].some((issuer) => own.checkIssued(issuer) && own.verify(issuer.publicKey))) {
    throw problem('E_CERTIFICATE', sources.cert, `was not issued by ${shown(sources.ca)}`);
  }
  return { ca, cert, key, notAfterMs: checkPeriod(own, sources.cert) };
}

/** Own name and cluster must be those of the certificate: the other nodes would refuse us one by one. */
function checkOwnName(own: X509Certificate, source: string | Uint8Array, cluster: ClusterName, name: NodeName): void {
  let proved: NodeName;
  try {
    proved = certificateName(own, cluster);
  } catch (cause) {
    if (cause instanceof AntecedentError) throw new AntecedentError(cause.code, `${shown(source)}: ${cause.message}`);
    throw cause;
  }
  if (proved !== name) throw problem('E_IDENTITY', source, `is the certificate of ${proved}, but this node is ${name}`);
}

function checkPeriod(own: X509Certificate, source: string | Uint8Array): number {
  const notAfterMs = Date.parse(own.validTo);
  if (Date.now() > notAfterMs) throw problem('E_CERTIFICATE', source, `expired at ${own.validTo}; issue a new one`);
  if (Date.now() < Date.parse(own.validFrom)) {
    throw problem('E_CERTIFICATE', source, `is not valid before ${own.validFrom}; check the clock of this machine`);
  }
  return notAfterMs;
}

function readPem(source: string | Uint8Array, what: string): string {
  if (typeof source !== 'string') return Buffer.from(source).toString('latin1');
  let fd: number;
  try {
    fd = openSync(source, 'r');
  } catch (cause) {
    throw new AntecedentError('E_CONFIG', `cannot read the ${what}: ${String(cause)}`, { cause });
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw problem('E_CONFIG', source, `is no file; the ${what} was expected there`);
    if (stats.size > pemBytesMax) throw problem('E_CONFIG', source, `has ${stats.size} bytes; that is no ${what}`);
    if (what === 'private key') checkKeyMode(source, stats.mode, stats.uid);
    return readFileSync(fd, 'latin1');
  } finally {
    closeSync(fd);
  }
}

/** A private key that others can read is not private. Windows has no such modes. */
function checkKeyMode(path: string, mode: number, owner: number): void {
  const self = process.getuid?.();
  if (self === undefined) return;
  if ((mode & 0o077) !== 0) {
    const shownMode = (mode & 0o777).toString(8).padStart(4, '0');
    throw problem('E_KEY_MODE', path, `has mode ${shownMode}, so others may read the key; run: chmod 600 ${path}`);
  }
  if (owner !== self && owner !== 0) {
    throw problem('E_KEY_MODE', path, `belongs to user ${owner}, who can replace the key; run: chown ${self} ${path}`);
  }
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn(pem: string, source: string | Uint8Array): readonly X509Certificate[] {
  const blocks = pem.match(pemCertificate) ?? [];
  if (blocks.length === 0) throw problem('E_CERTIFICATE', source, 'holds no complete PEM certificate');
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw problem('E_CERTIFICATE', source, `holds a damaged certificate: ${String(cause)}`);
  }
}

function privateKeyIn(pem: string, source: string | Uint8Array): KeyObject {
  if (/-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw problem('E_CERTIFICATE', source, 'is an encrypted key; decrypt it with: openssl pkey -in FILE -out NEW');
  }
  try {
    return createPrivateKey(pem);
  } catch {
    // No cause: OpenSSL's errors are short, but nothing that looked at a key belongs in a log.
    throw problem('E_CERTIFICATE', source, 'holds no private key in PEM');
  }
}

function problem(code: ErrorCode, source: string | Uint8Array, text: string): AntecedentError {
  return new AntecedentError(code, `${shown(source)} ${text}`);
}

function shown(source: string | Uint8Array): string {
  return typeof source === 'string' ? source : '(PEM bytes)';
}
