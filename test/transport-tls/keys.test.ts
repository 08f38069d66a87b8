import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterName, nodeName } from '../../core/index.js';
import { loadCredentials } from '../../transport-tls/credentials.js';
import { initKeys, issueKeys, showCertificate } from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority, type PemPaths } from '../support/certificates.js';

let demo: TestAuthority;
let other: TestAuthority;

beforeAll(async () => {
  demo = await TestAuthority.make('demo', ['a', 'b']);
  other = await TestAuthority.make('demo', ['a']);
});
afterAll(removeTestDirectories);

function certificate(path: string): X509Certificate {
  return new X509Certificate(readFileSync(path));
}

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}

describe('keys init', () => {
  test('makes a CA that may sign certificates, and names its cluster', () => {
    const ca = certificate(demo.files('ca').cert);
    expect(ca.ca).toBe(true);
    expect(ca.subjectAltName).toBe('URI:spiffe://demo');
    expect(ca.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  });

  test('never overwrites', async () => {
    const before = readFileSync(demo.files('ca').key, 'utf8');
    await expect(initKeys({ cluster: 'demo', dir: demo.dir })).rejects.toThrow(
      /ca\.pem exists and is never overwritten/,
    );
    expect(readFileSync(demo.files('ca').key, 'utf8')).toBe(before);
  });

  test('keeps keys to their owner, also under an open umask', async () => {
    const dir = join(makeTestDirectory('keys'), 'new');
    const umask = process.umask(0);
    try {
      await initKeys({ cluster: 'demo', dir });
      await issueKeys({ name: 'a', dir });
    } finally {
      process.umask(umask);
    }
    expect([dir, join(dir, 'ca.key'), join(dir, 'a.key')].map(mode)).toEqual([0o700, 0o600, 0o600]);
  });
});

describe('keys issue', () => {
  test('makes a certificate with one URI name, its hosts, and both uses', async () => {
    await issueKeys({ name: 'hosts', dir: demo.dir, hosts: ['127.0.0.1', '::1', 'node-a.example'] });
    const made = certificate(demo.files('hosts').cert);
    expect(made.subjectAltName).toBe(
      'URI:spiffe://demo/node/hosts, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:node-a.example',
    );
    expect(made.ca).toBe(false);
    expect(made.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(made.checkIssued(certificate(demo.files('ca').cert))).toBe(true);
  });

  test('does not outlive its CA', async () => {
    const dir = makeTestDirectory('keys');
    await initKeys({ cluster: 'demo', dir, days: 3 });
    await issueKeys({ name: 'a', dir, days: 700 });
    expect(certificate(join(dir, 'a.pem')).validTo).toBe(certificate(join(dir, 'ca.pem')).validTo);
  });

  test.each([
    ['a name that exists', { name: 'a' }, /a\.pem exists and is never overwritten/],
    ['a bad name', { name: '../x' }, /"\.\.\/x" is no node name/],
    ['the name of the CA files', { name: 'ca' }, /take another name/],
    ['a bad host', { name: 'x', hosts: ['a b'] }, /"a b" is neither an IP address nor a host name/],
    ['no days', { name: 'x', days: 0 }, /give a whole number from 1/],
  ])('refuses %s', async (_claim, options, message) => {
    await expect(issueKeys({ dir: demo.dir, ...options })).rejects.toThrow(message);
  });

  test('says how to make a CA when there is none', async () => {
    await expect(issueKeys({ name: 'a', dir: makeTestDirectory('keys') })).rejects.toThrow(
      /ca\.pem.*make a CA with "antecedent keys init"/,
    );
  });
});

test('keys show says what a certificate is', () => {
  expect(showCertificate(demo.files('a').cert)).toMatchObject({ kind: 'node', id: 'spiffe://demo/node/a' });
  expect(showCertificate(demo.files('ca').cert)).toMatchObject({ kind: 'ca', id: 'spiffe://demo' });
  expect(() => showCertificate(demo.files('a').key)).toThrow(/holds no certificate in PEM/);
});

describe('credentials', () => {
  function load(files: Partial<PemPaths>, name = 'a', cluster = 'demo'): unknown {
    return loadCredentials({ ...demo.files('a'), ...files }, clusterName(cluster), nodeName(name));
  }

  function file(name: string, text: string | Buffer): string {
    const path = join(makeTestDirectory('pem'), name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  test('are loaded from files, and from bytes', () => {
    expect(load({})).toMatchObject({ ca: readFileSync(demo.files('a').ca, 'utf8') });
    const { ca, cert, key } = demo.files('a');
    const bytes = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
    expect(loadCredentials(bytes, clusterName('demo'), nodeName('a'))).toEqual(load({}));
  });

  test.each([
    ['a missing file', 'E_CONFIG', /cannot read the private key: .*ENOENT/, () => load({ key: '/nonexistent' })],
    ['a folder', 'E_CONFIG', /\/tmp is no file; the CA certificate was expected there/, () => load({ ca: '/tmp' })],
    [
      'the key of another certificate',
      'E_CERTIFICATE',
      /b\.key is not the key of the certificate .*a\.pem/,
      () => load({ key: demo.files('b').key }),
    ],
    [
      'a certificate of another CA',
      'E_CERTIFICATE',
      /a\.pem was not issued by .*ca\.pem/,
      () => load({ ca: other.files('a').ca }),
    ],
    [
      'the certificate of another node',
      'E_IDENTITY',
      /a\.pem is the certificate of a, but this node is b/,
      () => load({}, 'b'),
    ],
    [
      'the certificate of another cluster',
      'E_CLUSTER',
      /a\.pem: the certificate is of cluster "demo", not x/,
      () => load({}, 'a', 'x'),
    ],
    ['the CA as a node', 'E_CERTIFICATE', /a CA certificate cannot be a node/, () => load(demo.files('ca'))],
    [
      'a text that is no PEM',
      'E_CERTIFICATE',
      /holds no complete PEM certificate/,
      () => load({ cert: file('x.pem', 'hello') }),
    ],
    [
      'half a certificate',
      'E_CERTIFICATE',
      /holds no complete PEM certificate/,
      () => load({ cert: file('x.pem', readFileSync(demo.files('a').cert).subarray(0, 300)) }),
    ],
    [
      'a damaged certificate',
      'E_CERTIFICATE',
      /holds a damaged certificate/,
      () =>
        load({ cert: file('x.pem', readFileSync(demo.files('a').cert, 'utf8').replace(/MII.{9}/, 'MIIAAAAAAAAA')) }),
    ],
    ['a key that is none', 'E_CERTIFICATE', /holds no private key in PEM/, () => load({ key: file('x.key', 'hello') })],
    [
      'an encrypted key',
      'E_CERTIFICATE',
      /encrypted key; decrypt it with: openssl pkey/,
      () => load({ key: file('x.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\n') }),
    ],
    [
      'a certificate whose time is over',
      'E_CERTIFICATE',
      /expired at .*; issue a new one/,
      () => load(demo.files('expired')),
    ],
  ])('are refused for %s', async (_claim, code, message, attempt) => {
    await demo.issueOdd('expired', {
      names: [{ type: 'url', value: 'spiffe://demo/node/a' }],
      notAfter: new Date(Date.now() - 1000),
    });
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code }) as Error);
  });

  test.each([0o644, 0o640, 0o604, 0o660])('are refused when the key has mode %o', (keyMode) => {
    const key = file('a.key', readFileSync(demo.files('a').key));
    chmodSync(key, keyMode);
    expect(() => load({ key })).toThrow(
      `has mode 0${keyMode.toString(8)}, so others may read the key; run: chmod 600 ${key}`,
    );
    expect(() => load({ key })).toThrow(expect.objectContaining({ code: 'E_KEY_MODE' }) as Error);
  });

  test('may hold the key in a folder that others can list', () => {
    const dir = makeTestDirectory('pem');
    mkdirSync(join(dir, 'open'), { mode: 0o755 });
    const key = join(dir, 'open', 'a.key');
    writeFileSync(key, readFileSync(demo.files('a').key), { mode: 0o600 });
    expect(() => load({ key })).not.toThrow();
  });
});
