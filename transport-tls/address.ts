/** Network addresses as people write them: `127.0.0.1:7101`, `[::1]:7101`, `node-a.example:7101`. */
import { isIP, isIPv6 } from 'node:net';
import { AntecedentError } from '../core/index.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

const rule = 'write host:port, or [address]:port for IPv6';
const hostPattern = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/** Reads an address. Port 0 (any free port) only where `zeroPort` allows it. Throws `E_CONFIG`. */
export function parseAddress(text: string, options: { readonly zeroPort: boolean }): Address {
  const bad = (why: string): AntecedentError =>
    new AntecedentError('E_CONFIG', `${JSON.stringify(text)} is no address: ${why}`);
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null) throw bad(rule);
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port > 65535 || (port === 0 && !options.zeroPort)) throw bad('a port is a number from 1 to 65535');
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) throw bad(`${JSON.stringify(bracketed)} is no IPv6 address`);
    return { host: bracketed, port };
  }
  const host = plain ?? '';
  if (!isHost(host)) throw bad(rule);
  return { host, port };
}

/** True for an IP address or something that may be a host name. */
export function isHost(text: string): boolean {
  // All digits and dots is meant as an IPv4 address: 127.0.0.256 is a slip, not a host to ask DNS for.
  return isIP(text) !== 0 || (hostPattern.test(text) && !/^[\d.]+$/.test(text));
}

export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
