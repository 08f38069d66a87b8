/**
 * Makes the certificates of a cluster: one CA, and one certificate a node. No openssl needed.
 *
 * - ECDSA on P-256; keys as PKCS#8 in files of mode 0600, directories of mode 0700, whatever the umask says.
 * - Nothing is ever overwritten: a second CA of the same cluster would cut the nodes in two.
 * - The CA names its cluster as a SPIFFE trust domain, so `issue` needs no cluster; a node's only URI name is its SPIFFE ID.
 * - The certificate library is loaded by the first call: a running node never needs it.
 */
import { createPrivateKey, randomBytes, webcrypto, X509Certificate as NativeCertificate } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type * as X509 from '@peculiar/x509';
import { AntecedentError, clusterName, nodeName, type ClusterName } from '../core/index.js';
import { isHost } from './address.js';
import { spiffeId, uriNames } from './identity.js';

export interface InitKeysOptions {
  readonly cluster: string;
  readonly dir: string;
  /** Validity in days; 3650 unless given. */
  readonly days?: number;
}

export interface IssueKeysOptions {
  readonly name: string;
  readonly dir: string;
  /** IP addresses and host names of the node, for tools that check them; Antecedent itself does not. */
  readonly hosts?: readonly string[];
  /** Validity in days; 730 unless given. Never beyond the CA's own. */
  readonly days?: number;
}

/** Paths of what was written. */
export interface KeyFiles {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate file says. */
export interface CertificateInfo {
  readonly kind: 'ca' | 'node';
  /** The URI name: `spiffe://<cluster>` of a CA, `spiffe://<cluster>/node/<name>` of a node. */
  readonly id: string;
  readonly alternativeNames: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly sha256: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60 * 1000;
/** Certificates start in the past, or a node whose clock is a little behind would refuse them. */
const clockSkewMs = 60 * 60 * 1000;

/** Makes `ca.pem` and `ca.key` in `dir`. Throws `E_NAME`, `E_CONFIG` (they exist) or `E_STORAGE`. */
export async function initKeys(options: InitKeysOptions): Promise<KeyFiles> {
  const cluster = clusterName(options.cluster);
  const x509 = await loadX509();
  const files = { cert: join(options.dir, 'ca.pem'), key: join(options.dir, 'ca.key') };
  refuseExisting(files);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`Antecedent CA ${cluster}`] }],
    ...period(options.days ?? 3650),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${cluster}` }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await writeKeyFiles(options.dir, files, certificate, keys.privateKey);
  return files;
}

/** Makes `<name>.pem` and `<name>.key` in `dir`, signed by the CA there. Throws `E_NAME`, `E_CONFIG` or `E_STORAGE`. */
export async function issueKeys(options: IssueKeysOptions): Promise<KeyFiles> {
  const name = nodeName(options.name);
  if (name === 'ca') {
    throw new AntecedentError('E_NAME', 'a node named "ca" would need the files of the CA; take another name');
  }
  const hosts = options.hosts ?? [];
  const badHost = hosts.find((host) => !isHost(host));
  if (badHost !== undefined) {
    throw new AntecedentError('E_CONFIG', `${JSON.stringify(badHost)} is neither an IP address nor a host name`);
  }
  const x509 = await loadX509();
  const files = { cert: join(options.dir, `${name}.pem`), key: join(options.dir, `${name}.key`) };
  refuseExisting(files);
  const ca = await loadAuthority(x509, options.dir);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { notBefore, notAfter } = period(options.days ?? 730);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: ca.certificate.subject,
    subject: [{ CN: [name] }],
    notBefore,
    notAfter: notAfter < ca.certificate.notAfter ? notAfter : ca.certificate.notAfter,
    publicKey: keys.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: spiffeId(ca.cluster, name) },
        ...hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate.publicKey),
    ],
  });
  await writeKeyFiles(options.dir, files, certificate, keys.privateKey);
  return files;
}

/** Reads a certificate file, for people. Throws `E_CONFIG` or `E_CERTIFICATE`. */
export function showCertificate(path: string): CertificateInfo {
  const certificate = parseCertificate(path, readText(path));
  return {
    kind: certificate.ca ? 'ca' : 'node',
    id: uriNames(certificate.subjectAltName).join(' ') || '(none)',
    alternativeNames: certificate.subjectAltName ?? '',
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    sha256: certificate.fingerprint256,
  };
}

interface Authority {
  readonly certificate: X509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
  readonly cluster: ClusterName;
}

async function loadAuthority(x509: typeof X509, dir: string): Promise<Authority> {
  const certPath = join(dir, 'ca.pem');
  const keyPath = join(dir, 'ca.key');
  const pem = readText(certPath);
  const native = parseCertificate(certPath, pem);
  const key = createPrivateKey(readText(keyPath));
  if (!native.checkPrivateKey(key)) {
    throw new AntecedentError('E_CERTIFICATE', `${keyPath} is not the key of the certificate ${certPath}`);
  }
  const domain = /^spiffe:\/\/([^/]+)$/.exec(uriNames(native.subjectAltName)[0] ?? '')?.[1];
  if (!native.ca || domain === undefined) {
    throw new AntecedentError('E_CERTIFICATE', `${certPath} is no CA made by "antecedent keys init"`);
  }
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  return {
    certificate: new x509.X509Certificate(pem),
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    cluster: clusterName(domain),
  };
}

function parseCertificate(path: string, pem: string): NativeCertificate {
  try {
    return new NativeCertificate(pem);
  } catch (cause) {
    throw new AntecedentError('E_CERTIFICATE', `${path} holds no certificate in PEM`, { cause });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const hint = path.endsWith('ca.pem') || path.endsWith('ca.key') ? '; make a CA with "antecedent keys init"' : '';
    throw new AntecedentError('E_CONFIG', `cannot read ${path}: ${String(cause)}${hint}`, { cause });
  }
}

function refuseExisting(files: KeyFiles): void {
  const existing = [files.cert, files.key].find((path) => existsSync(path));
  if (existing !== undefined) {
    throw new AntecedentError('E_CONFIG', `${existing} exists and is never overwritten; move it away first`);
  }
}

/** Writes the key first: a certificate without its key is of no use, and the other way round nothing is lost. */
async function writeKeyFiles(
  dir: string,
  files: KeyFiles,
  certificate: X509.X509Certificate,
  privateKey: webcrypto.CryptoKey,
): Promise<void> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  const lines = pkcs8.toString('base64').match(/.{1,64}/g) ?? [];
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeNew(files.key, `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`, 0o600);
    try {
      writeNew(files.cert, `${certificate.toString('pem')}\n`, 0o644);
    } catch (error) {
      unlinkSync(files.key);
      throw error;
    }
  } catch (cause) {
    throw new AntecedentError('E_STORAGE', `cannot write ${files.cert} and its key: ${String(cause)}`, { cause });
  }
}

function writeNew(path: string, text: string, mode: number): void {
  const fd = openSync(path, 'wx', mode);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  // The umask may have taken bits away.
  chmodSync(path, mode);
}

function period(days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  if (!Number.isInteger(days) || days < 1 || days > 36500) {
    throw new AntecedentError('E_CONFIG', `${days} days of validity: give a whole number from 1 to 36500`);
  }
  return { notBefore: new Date(Date.now() - clockSkewMs), notAfter: new Date(Date.now() + days * dayMs) };
}

/** 16 random bytes; the first bit is 0, because the number is signed, and the second is 1, because it has no leading zeros. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}
