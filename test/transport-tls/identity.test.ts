import { describe, expect, test } from 'vitest';
import { clusterName, nodeName } from '../../core/index.js';
import { identifyPeer, uriNames, type Handshake } from '../../transport-tls/identity.js';

describe('the URI names of a certificate', () => {
  test.each([
    ['nothing', undefined, []],
    ['an empty text', '', []],
    ['one', 'URI:spiffe://demo/node/a', ['spiffe://demo/node/a']],
    ['one among others', 'DNS:a, URI:spiffe://demo/node/a, IP Address:127.0.0.1', ['spiffe://demo/node/a']],
    ['two', 'URI:x, URI:y', ['x', 'y']],
    ['one quoted, which stays quoted', 'URI:"x\\u002c y"', ['"x\\u002c y"']],
    ['none, but a quoted DNS name that holds one', 'DNS:"x\\u002c URI:y"', []],
    ['none, but a quoted DNS name with a quote in it', 'DNS:"x\\", URI:y"', []],
  ])('are read from a text with %s', (_claim, text, names) => {
    expect(uriNames(text)).toEqual(names);
  });

  test.each(['URI:a,URI:b', 'URI:a, ', 'URI:"a', 'URI:a"b', 'garbage', ', URI:a', 'URI:a, b', 'URI:"a"b'])(
    'are not guessed from %j',
    (text) => {
      // The end of a list is either the end of the text or a further name.
      if (text === 'URI:a, ') expect(uriNames(text)).toEqual(['a']);
      else expect(() => uriNames(text)).toThrow(/cannot be read/);
    },
  );
});

describe('a handshake', () => {
  const sound: Handshake = {
    isAuthorized: true,
    authorizationError: 'null',
    isSessionReused: false,
    tlsVersion: 'TLSv1.3',
    alpnProtocol: 'antecedent/1',
    certificate: undefined,
  };
  const expected = {
    cluster: clusterName('demo'),
    self: nodeName('a'),
    members: new Set([nodeName('b')]),
    dialled: undefined,
  };

  test.each([
    ['it was resumed', { isSessionReused: true }, /resumed/],
    ['the certificate is not trusted', { isAuthorized: false, authorizationError: 'CERT_REVOKED' }, /CERT_REVOKED/],
    ['it is older than TLS 1.3', { tlsVersion: 'TLSv1.2' }, /TLSv1\.2 instead/],
    ['the protocol is another', { alpnProtocol: 'h2' }, /"h2", not antecedent\/1/],
    ['no protocol was named', { alpnProtocol: false as const }, /no named protocol/],
    ['there is no certificate', {}, /no certificate/],
  ])('is refused when %s', (_claim, change, reason) => {
    expect(() => identifyPeer({ ...sound, ...change }, expected)).toThrow(reason);
    expect(() => identifyPeer({ ...sound, ...change }, expected)).toThrow(
      expect.objectContaining({ code: 'E_TLS_REFUSED' }) as Error,
    );
  });
});
