import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';

afterAll(removeTestDirectories);

const sound = `name = "a"
cluster = "demo"
data = "data/a"
listen = "127.0.0.1:7101"
[tls]
ca = "keys/ca.pem"
cert = "/etc/keys/a.pem"
key = "keys/a.key"
[peers]
b = "127.0.0.1:7102"
c = "[::1]:7103"
`;
const fingerprint = `sha256:${'0a'.repeat(32)}`;

/** The message for a text that is refused. */
async function refusal(text: string): Promise<string> {
  try {
    await parseConfig(text, '/etc/node.toml');
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_CONFIG' });
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

describe('a configuration', () => {
  test('is read, with relative paths relative to the file', async () => {
    expect(await parseConfig(sound, '/etc/node.toml')).toEqual({
      name: 'a',
      cluster: 'demo',
      dataDir: '/etc/data/a',
      allowNetworkFileSystem: false,
      listen: '127.0.0.1:7101',
      repair: 'any-member',
      joins: false,
      tls: { ca: '/etc/keys/ca.pem', cert: '/etc/keys/a.pem', key: '/etc/keys/a.key' },
      peers: { b: '127.0.0.1:7102', c: '[::1]:7103' },
      foreignPeers: [],
      retention: undefined,
      limits: {},
      timings: {},
      transport: {},
    });
  });

  test('may say how to repair, and that the node joins', async () => {
    const text = `repair = "origin-only"\njoins = true\n${sound}`;
    expect(await parseConfig(text, 'x.toml')).toMatchObject({ repair: 'origin-only', joins: true });
    expect(await refusal(`repair = "none"\njoins = 1\n${sound}`)).toMatch(
      /:1:1: repair has the wrong type.*write repair = "any-member" or repair = "origin-only"\n.*:2:1: joins .*write joins = true/,
    );
  });

  test('may say how long the journal waits for members that are away', async () => {
    const retention = { policy: 'demote', bytesMax: 1000, ageMs: 2000 };
    const text = `${sound}[retention]\npolicy = "demote"\nbytesMax = 1000\nageMs = 2000\n`;
    expect(await parseConfig(text, 'x.toml')).toMatchObject({ retention });
    const wrong = `${sound}[retention]\npolicy = "forget"\nbytesMax = 0\nage = 1\n`;
    const complaints = (await refusal(wrong)).split('\n');
    expect(complaints).toHaveLength(3);
    expect(complaints[0]).toMatch(/retention\.policy must be one of block, alarm, demote, not "forget"/);
    expect(complaints[1]).toMatch(/retention\.bytesMax must be a whole number from 1, not 0/);
    expect(complaints[2]).toMatch(/unknown key in retention "age"/);
    expect(await refusal(`retention = 3\n${sound}`)).toMatch(
      /:1:1: retention has the wrong type.*write \[retention\] with/,
    );
  });

  test('may leave peers out, give them as tables, and tune every group', async () => {
    const text = `${sound.replace(/\[peers\][^]*/, '')}[peers]
b = { address = "127.0.0.1:7102" }
old = { address = "127.0.0.1:7104", protocol = "pluto-0.4", fingerprint = "${fingerprint}" }
constructor = "127.0.0.1:7105"
[pluto]
listen = "127.0.0.1:7201"
[limits]
messageBytesMax = 1000
[timings]
heartbeatMs = 10
[transport]
pendingMax = 3
`;
    const config = await parseConfig(text, '/etc/node.toml');
    expect(Object.entries(config.peers)).toEqual([
      ['b', '127.0.0.1:7102'],
      ['constructor', '127.0.0.1:7105'],
    ]);
    expect(config.foreignPeers).toEqual([
      { name: 'old', address: '127.0.0.1:7104', protocol: 'pluto-0.4', fingerprint },
    ]);
    expect(config).toMatchObject({
      limits: { messageBytesMax: 1000 },
      timings: { heartbeatMs: 10 },
      transport: { pendingMax: 3 },
    });
    expect((await parseConfig(sound.replace(/\[peers\][^]*/, ''), 'x.toml')).peers).toEqual({});
  });

  test('may have a port for peers that speak pluto v0.4, with certificates of its own', async () => {
    const pluto = `[pluto]\nlisten = "127.0.0.1:7201"\n`;
    const old = 'old = { address = "127.0.0.1:7104", protocol = "pluto-0.4" }\n';
    expect((await parseConfig(`${sound}${old}${pluto}`, '/etc/node.toml')).pluto).toEqual({ listen: '127.0.0.1:7201' });
    const withTls = `${sound}${old}${pluto}[pluto.tls]\nca = "root.pem"\ncert = "a-cert.pem"\nkey = "/a-key.pem"\n`;
    const config = await parseConfig(withTls, '/etc/node.toml');
    expect(config.pluto?.tls).toEqual({ ca: '/etc/root.pem', cert: '/etc/a-cert.pem', key: '/a-key.pem' });
    expect(config.foreignPeers).toEqual([{ name: 'old', address: '127.0.0.1:7104', protocol: 'pluto-0.4' }]);
  });

  test.each([
    [
      'no port for them',
      'old = { address = "1.2.3.4:1", protocol = "pluto-0.4" }\n',
      /:12:1: peers\.old speaks pluto v0\.4, which needs a port of its own; write \[pluto\] with listen/,
    ],
    [
      'no port in the table',
      'old = { address = "1.2.3.4:1", protocol = "pluto-0.4" }\n[pluto]\n',
      /pluto\.listen is missing; write listen = "127\.0\.0\.1:7201"/,
    ],
    [
      'a port that is none',
      'old = { address = "1.2.3.4:1", protocol = "pluto-0.4" }\n[pluto]\nlisten = "1.2.3.4"\n',
      /:14:1: pluto\.listen: "1\.2\.3\.4" is no address/,
    ],
    [
      'a key that nobody knows',
      'old = { address = "1.2.3.4:1", protocol = "pluto-0.4" }\n[pluto]\nlistens = "1.2.3.4:1"\n',
      /unknown key "listens"/,
    ],
    [
      'a host name and no fingerprint',
      'old = { address = "old.example:1", protocol = "pluto-0.4" }\n[pluto]\nlisten = "1.2.3.4:1"\n',
      /:12:1: peers\.old cannot be known by the host name old\.example: give the fingerprint/,
    ],
    [
      'two peers at one address and no fingerprints',
      'old = { address = "1.2.3.4:1", protocol = "pluto-0.4" }\nolder = { address = "1.2.3.4:2", protocol = "pluto-0.4" }\n[pluto]\nlisten = "1.2.3.4:1"\n',
      /:13:1: peers\.older cannot be told from peers\.old/,
    ],
  ])('that has peers of pluto v0.4 and %s is refused', async (_, text, complaint) => {
    expect(await refusal(`${sound}${text}`)).toMatch(complaint);
  });

  test('may take a data directory on a network file system', async () => {
    const config = await parseConfig(`allow_network_file_system = true\n${sound}`, '/etc/node.toml');
    expect(config.allowNetworkFileSystem).toBe(true);
  });

  test('is read from a file', async () => {
    const directory = makeTestDirectory('config');
    mkdirSync(join(directory, 'keys'));
    for (const name of ['ca.pem', 'a.pem', 'a.key']) writeFileSync(join(directory, 'keys', name), '');
    writeFileSync(join(directory, 'node.toml'), sound.replace('/etc/keys', 'keys'));
    expect(await loadConfig(join(directory, 'node.toml'))).toMatchObject({
      name: 'a',
      dataDir: join(directory, 'data/a'),
    });
  });
});

describe('a configuration is refused, with place and remedy, for', () => {
  const table: readonly (readonly [claim: string, change: (text: string) => string, message: RegExp])[] = [
    [
      'an unknown key',
      (text) => `nme = "x"\n${text}`,
      /^\/etc\/node\.toml:1:1: unknown key "nme": did you mean "name"\?$/,
    ],
    [
      'an unknown table',
      (text) => `${text}[peer]\nx = 1\n`,
      /^\/etc\/node\.toml:12:1: unknown key "peer": did you mean "peers"\?$/,
    ],
    [
      'an unknown key in a table',
      (text) => text.replace('cert =', '  crt = "x"\ncert ='),
      /^\/etc\/node\.toml:7:3: unknown key "crt": did you mean "cert"\?$/,
    ],
    [
      'an unknown key of a peer',
      (text) => `${text}d = { adress = "x:1" }\n`,
      /:12:1: unknown key "adress": did you mean "address"\?/,
    ],
    [
      'an unknown limit',
      (text) => `${text}[limits]\nmesageBytesMax = 1\n`,
      /:13:1: unknown key in limits "mesageBytesMax": did you mean "messageBytesMax"\?/,
    ],
    [
      'a limit that is no number',
      (text) => `${text}[limits]\nwindowBytes = "1"\n`,
      /:13:1: limits\.windowBytes must be a whole number from 1/,
    ],
    [
      'a limit of zero',
      (text) => `${text}[timings]\ndeadMs = 0\n`,
      /:13:1: timings\.deadMs must be a whole number from 1, not 0/,
    ],
    [
      'a missing key',
      (text) => text.replace('listen = "127.0.0.1:7101"\n', ''),
      /:1:1: listen is missing; write listen = "127\.0\.0\.1:7101"/,
    ],
    [
      'a missing key in a table',
      (text) => text.replace('key = "keys/a.key"\n', ''),
      /:5:1: tls\.key is missing; write key = "keys\/a\.key"/,
    ],
    [
      'a missing table',
      (text) => text.replace(/\[tls\][^[]*/, ''),
      /:1:1: tls is missing; write \[tls\] with ca, cert and key/,
    ],
    ['nothing in it', () => '', /:1:1: name is missing; write name = "a"/],
    ['a wrong type', (text) => text.replace('"a"', '7'), /:1:1: name has the wrong type or is empty; write name = "a"/],
    [
      'peers that are no table',
      (text) => `peers = 3\n${text.replace(/\[peers\][^]*/, '')}`,
      /:1:1: peers has the wrong type/,
    ],
    [
      'a flag that is no truth value',
      (text) => `allow_network_file_system = "yes"\n${text}`,
      /:1:1: allow_network_file_system has the wrong type or is empty; write allow_network_file_system = true/,
    ],
    [
      'a misspelt flag',
      (text) => `allow_network_filesystem = true\n${text}`,
      /:1:1: unknown key "allow_network_filesystem": did you mean "allow_network_file_system"\?/,
    ],
    ['a bad name', (text) => text.replace('"a"', '"É"'), /:1:1: name: "É" is no node name: a name has/],
    ['a bad cluster', (text) => text.replace('demo', 'a..b'), /:2:1: cluster: "a\.\.b" is no cluster name/],
    [
      'a bad address to listen on',
      (text) => text.replace(':7101', ':99999'),
      /:4:1: listen: .* a port is a number from 1 to 65535/,
    ],
    [
      'a bad address of a peer',
      (text) => text.replace(':7102', ''),
      /:10:1: peers\.b: "127\.0\.0\.1" is no address: write host:port/,
    ],
    ['port 0 of a peer', (text) => text.replace(':7102', ':0'), /:10:1: peers\.b: .* a port is a number from 1/],
    [
      'a peer without an address',
      (text) => `${text}d = {}\n`,
      /:12:1: peers\.d needs an address; write d = "127\.0\.0\.1:7102"/,
    ],
    [
      'itself among its peers',
      (text) => `${text}a = "x:1"\n`,
      /:12:1: peers names this node itself, a; list only the others/,
    ],
    [
      'a peer named __proto__',
      (text) => `${text}__proto__ = "x:1"\n`,
      /:12:1: peers\.__proto__: "__proto__" is no node name/,
    ],
    ['a top key __proto__', (text) => `__proto__ = 1\n${text}`, /:1:1: unknown key "__proto__"/],
    [
      'an unknown protocol',
      (text) => `${text}d = { address = "x:1", protocol = "pluto" }\n`,
      /:12:1: peers\.d\.protocol must be "pluto-0\.4"/,
    ],
    [
      'a bad fingerprint',
      (text) => `${text}d = { address = "x:1", protocol = "pluto-0.4", fingerprint = "x" }\n`,
      /:12:1: peers\.d\.fingerprint must be "sha256:"/,
    ],
    ['bad TOML', (text) => `${text}d = \n`, /^\/etc\/node\.toml:12:\d+: not valid TOML: [^\n]+$/],
    ['a key given twice', (text) => text.replace('data =', 'name ='), /^\/etc\/node\.toml:3:\d+: not valid TOML: /],
    [
      'deep nesting',
      (text) => `x = ${'['.repeat(100)}${']'.repeat(100)}\n${text}`,
      /^\/etc\/node\.toml:1:\d+: not valid TOML: /,
    ],
  ];

  test.each(table)('%s', async (_claim, change, message) => {
    const text = change(sound);
    expect(text).not.toBe(sound);
    expect(await refusal(text)).toMatch(message);
  });

  test('several faults at once, in the order of the file', async () => {
    const text = sound.replace('cert =', 'crt =').replace('name = "a"', 'nme = "a"');
    expect((await refusal(text)).split('\n').map((line) => /:(\d+):\d+: /.exec(line)?.[1])).toEqual([
      '1',
      '1',
      '5',
      '7',
    ]);
  });

  test.each([
    [
      'bytes that are not UTF-8',
      Buffer.from('name = "a"\ncluster = "d\xff"\n', 'latin1'),
      /node\.toml:2:13: the file is not UTF-8/,
    ],
    ['a byte order mark', Buffer.from(`\ufeff${sound}`), /node\.toml:1:1: the file starts with a byte order mark/],
    ['zeros', Buffer.alloc(100), /node\.toml:1:1: not valid TOML/],
    [
      'the beginning of a program',
      Buffer.from('7f454c46020101000000000000000000', 'hex'),
      /node\.toml:1:1: not valid TOML/,
    ],
    ['nothing', Buffer.alloc(0), /node\.toml:1:1: name is missing; write name = "a"/],
    ['more than a mebibyte', Buffer.alloc((1 << 20) + 1, '#'), /node\.toml has 1048577 bytes/],
  ])('%s', async (_claim, bytes, message) => {
    const file = join(makeTestDirectory('config'), 'node.toml');
    writeFileSync(file, bytes);
    await expect(loadConfig(file)).rejects.toThrow(message);
  });

  test('names of files that are not there, each with its place', async () => {
    const file = join(makeTestDirectory('config'), 'node.toml');
    writeFileSync(file, sound.replace('/etc/keys', 'keys'));
    const error: unknown = await loadConfig(file).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'E_CONFIG' });
    expect(
      String(error)
        .split('\n')
        .map((line) => /node\.toml:\d+:1: tls\.\w+: there is no file .*\/(.*); /.exec(line)?.[1]),
    ).toEqual(['ca.pem', 'a.pem', 'a.key']);
  });

  test('a file that is not there, or is a folder', async () => {
    await expect(loadConfig('/nonexistent.toml')).rejects.toThrow(
      /cannot read the configuration \/nonexistent\.toml: .*ENOENT.*; give the path of a TOML file/,
    );
    await expect(loadConfig('/tmp')).rejects.toThrow(/\/tmp is no file; give the path of a TOML file/);
  });
});
