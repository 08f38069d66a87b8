import { describe, expect, test } from 'vitest';
import type { NodeConfig } from '../../transport-tls/index.js';
import { reloadOptions } from '../../transport-tls/reload-config.js';

const config: NodeConfig = {
  name: 'a',
  cluster: 'demo',
  dataDir: '/data/a',
  allowNetworkFileSystem: false,
  listen: '127.0.0.1:7101',
  repair: 'any-member',
  joins: false,
  tls: { ca: 'ca.pem', cert: 'a.pem', key: 'a.key' },
  peers: { b: '127.0.0.1:7102', c: '127.0.0.1:7103' },
  foreignPeers: [],
  retention: {},
  limits: {},
  timings: { heartbeatMs: 100 },
  transport: {},
};
const members = new Set(['b', 'c']);

describe('a configuration that is read again', () => {
  test('brings the addresses of members, and the certificates', () => {
    const peers = { b: '127.0.0.1:7102', c: 'elsewhere:7103' };
    const tls = { ca: 'new/ca.pem', cert: 'new/a.pem', key: 'new/a.key' };
    expect(reloadOptions(config, { ...config, peers, tls }, members)).toEqual({ peers, tls });
  });

  test.each([
    ['listen', { listen: '127.0.0.1:7111' }],
    ['repair', { repair: 'origin-only' } as const],
    ['data', { dataDir: '/data/b' }],
    ['name', { name: 'b' }],
    ['cluster', { cluster: 'other' }],
    ['[retention]', { retention: { policy: 'demote' } } as const],
    ['[limits]', { limits: { windowBytes: 1 } }],
    ['[timings]', { timings: {} }],
    ['[transport]', { transport: { pendingMax: 1 } }],
    ['allow_network_file_system', { allowNetworkFileSystem: true }],
    [
      'peers with another protocol',
      { foreignPeers: [{ name: 'o', address: 'o:1', protocol: 'pluto-0.4', fingerprint: 'x' } as const] },
    ],
  ])('is refused as a whole when %s changed', (name, change) => {
    const after = { ...config, ...change, peers: { ...config.peers, b: 'elsewhere:1' } };
    expect(() => reloadOptions(config, after, members)).toThrow(
      `nothing was changed: ${name} changed, which needs a restart`,
    );
  });

  test('is refused a new member, and told the command', () => {
    const after = { ...config, peers: { ...config.peers, d: '127.0.0.1:7104' } };
    expect(() => reloadOptions(config, after, members)).toThrow(
      'd is no member: run antecedent member add d 127.0.0.1:7104 --config FILE',
    );
  });

  test('is refused to drop a member, and told the command', () => {
    const after = { ...config, peers: { b: '127.0.0.1:7102' } };
    expect(() => reloadOptions(config, after, members)).toThrow(
      'c is still a member: run antecedent member remove c --config FILE',
    );
  });

  test('says everything that is wrong', () => {
    const after = { ...config, listen: 'x:1', peers: { d: 'd:1' } };
    expect(() => reloadOptions(config, after, members)).toThrow(
      /listen changed.*; d is no member.*; b is still a member.*; c is still a member/,
    );
  });

  test('may follow what the cluster knows already', () => {
    const after = { ...config, peers: { b: 'b:1', d: 'd:1' } };
    expect(reloadOptions(config, after, new Set(['b', 'd'])).peers).toEqual({ b: 'b:1', d: 'd:1' });
  });

  test('may still be that of the time before members came and went, which gives them no addresses', () => {
    expect(reloadOptions(config, config, new Set(['b', 'd'])).peers).toEqual({ b: '127.0.0.1:7102' });
  });

  test('may stop saying that the node joins', () => {
    expect(() => reloadOptions({ ...config, joins: true }, config, members)).not.toThrow();
  });

  test('knows no inherited names', () => {
    expect(() => reloadOptions(config, { ...config, peers: { ...config.peers, constructor: 'x:1' } }, members)).toThrow(
      /constructor is no member/,
    );
  });
});
