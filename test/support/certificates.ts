/**
 * Certificates for tests: good ones through the project's own `keys`, and wrong ones in every way a node must refuse.
 */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initKeys, issueKeys } from '../../transport-tls/index.js';

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60 * 1000;

export interface PemPaths {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What is unusual about a certificate. Left out: like that of any node. */
export interface Oddities {
  readonly commonName?: string;
  readonly names?: x509.JsonGeneralNames;
  readonly isCa?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly extendedKeyUsage?: readonly string[];
}

/** A CA in a folder of its own, with certificates of nodes. */
export class TestAuthority {
  readonly dir: string;
  readonly cluster: string;

  private constructor(dir: string, cluster: string) {
    this.dir = dir;
    this.cluster = cluster;
  }

  static async make(cluster: string, nodes: readonly string[]): Promise<TestAuthority> {
    const authority = new TestAuthority(makeTestDirectory('keys'), cluster);
    await initKeys({ cluster, dir: authority.dir });
    for (const name of nodes) await issueKeys({ name, dir: authority.dir, hosts: ['127.0.0.1'] });
    return authority;
  }

  /** The files of a node or of an odd certificate, by name. */
  files(name: string): PemPaths {
    const file = (suffix: string): string => join(this.dir, suffix);
    return { ca: file('ca.pem'), cert: file(`${name}.pem`), key: file(`${name}.key`) };
  }

  /** Signs a certificate that `keys issue` would never make; `name` is the file. */
  async issueOdd(name: string, oddities: Oddities): Promise<PemPaths> {
    const ca = new x509.X509Certificate(readFileSync(this.files('ca').cert, 'utf8'));
    const caKey = createPrivateKey(readFileSync(this.files('ca').key)).export({ format: 'der', type: 'pkcs8' });
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const usages = oddities.extendedKeyUsage ?? [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];
    const certificate = await x509.X509CertificateGenerator.create({
      issuer: ca.subject,
      subject: [{ CN: [oddities.commonName ?? name] }],
      notBefore: oddities.notBefore ?? new Date(Date.now() - dayMs),
      notAfter: oddities.notAfter ?? new Date(Date.now() + dayMs),
      publicKey: keys.publicKey,
      signingKey: await webcrypto.subtle.importKey('pkcs8', caKey, algorithm, false, ['sign']),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(oddities.isCa ?? false, undefined, true),
        new x509.ExtendedKeyUsageExtension([...usages]),
        ...(oddities.names === undefined ? [] : [new x509.SubjectAlternativeNameExtension(oddities.names)]),
      ],
    });
    const paths = this.files(name);
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const lines = pkcs8.match(/.{1,64}/g) ?? [];
    writeFileSync(paths.cert, certificate.toString('pem'));
    writeFileSync(paths.key, `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`, {
      mode: 0o600,
    });
    return paths;
  }
}

const made: string[] = [];

/** A fresh directory; `removeTestDirectories` takes it away. */
export function makeTestDirectory(purpose: string): string {
  const dir = mkdtempSync(join(tmpdir(), `antecedent-${purpose}-`));
  made.push(dir);
  return dir;
}

/** For `afterAll`. */
export function removeTestDirectories(): void {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
}
