/**
 * A member gone astray, for tests: it has a good certificate and says what it likes on the link. Its frames are put
 * together here byte by byte, so that no encoder of ours can keep it from sending nonsense.
 */
import * as tls from 'node:tls';
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { decodeFrame, FrameReader, type Frame } from '../../core/index.js';
import type { Address } from '../../transport-tls/address.js';
import { NativeDigests } from '../../transport-tls/digests.js';
import type { PemPaths } from '../support/certificates.js';
import { Inbox, within } from './waiting.js';

/** Type bytes of frames. */
export const types = { hello: 1, welcome: 2, batch: 3, ack: 4, want: 5, ping: 6, pong: 7, goaway: 8 } as const;

/** Nonce of every stray member. */
const nonce = 7;
const digests = new NativeDigests();

export function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

export function text(value: string): readonly number[] {
  return [value.length, ...Buffer.from(value, 'latin1')];
}

/** A frame of any type and body, with the right length and checksum. */
export function frame(type: number, ...body: readonly (readonly number[])[]): Uint8Array {
  const content = Uint8Array.from([type, ...body.flat()]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(content));
  return Buffer.concat([Uint8Array.from(varint(content.length + 4)), content, checksum]);
}

export interface HelloFields {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly cluster: string;
  readonly name: string;
  readonly incarnation: number;
}

export class StrayMember {
  readonly frames = new Inbox<Frame>('a frame');
  readonly #name: string;
  readonly #socket: tls.TLSSocket;
  readonly #closed: Promise<void>;

  /** Connects with the certificate of `name`. */
  constructor(name: string, files: PemPaths, address: Address) {
    this.#name = name;
    const read = (path: string): Buffer => readFileSync(path);
    const socket = tls.connect({
      ...address,
      ...{ ca: read(files.ca), cert: read(files.cert), key: read(files.key) },
      ALPNProtocols: ['antecedent/1'],
      checkServerIdentity: () => undefined,
    });
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.on('close', () => resolve()));
    // How the other end closes on whoever misbehaves is its own business.
    socket.on('error', () => {});
    const reader = new FrameReader(1 << 21);
    socket.on('data', (chunk: Buffer) => {
      reader.push(new Uint8Array(chunk));
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        this.frames.put(decodeFrame(next, digests));
      }
    });
  }

  send(...frames: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(frames));
  }

  /** Our HELLO, or one with other fields. */
  hello(fields: Partial<HelloFields> = {}): Uint8Array {
    const all = { versionMin: 1, versionMax: 1, cluster: 'demo', name: this.#name, incarnation: 1, ...fields };
    return frame(
      types.hello,
      ...[varint(all.versionMin), varint(all.versionMax), text(all.cluster), text(all.name), varint(all.incarnation)],
      // As a member with the limits of the cluster: the longest batch and 64 KiB.
      ...[varint(nonce), varint(1 << 20), varint((1 << 20) + (64 << 10))],
    );
  }

  /** Says HELLO and WELCOME as a member does: afterwards the link is up. */
  async shakeHands(): Promise<void> {
    this.send(this.hello());
    const hello = await this.frames.take();
    if (hello.type !== 'hello') throw new Error(`the first frame is ${hello.type}`);
    this.send(frame(types.welcome, varint(hello.nonce), varint(0), varint(0)));
    await this.frames.takeWhere(({ type }) => type === 'welcome');
    // Answered only on a link that is up.
    this.send(ping);
    await this.frames.takeWhere(isAnswer);
  }

  /** Code and text of the GOAWAY that comes. */
  async goAway(): Promise<{ readonly code: string; readonly message: string }> {
    const last = await this.frames.takeWhere(({ type }) => type === 'goaway');
    if (last.type !== 'goaway') throw new Error('the predicate above says otherwise');
    return last;
  }

  /** Resolves when the connection has ended, whoever ended it. */
  closed(): Promise<void> {
    return within('the end of the connection', this.#closed);
  }

  /** Sends what was written, then ends the connection. */
  async end(): Promise<void> {
    this.#socket.end();
    await this.closed();
  }
}

/** Asks for everything that the other one knows. */
export const ping: Uint8Array = frame(types.ping, varint(0), varint(0));

/** What a PING is answered with: there is something new, or not. */
export function isAnswer({ type }: Frame): boolean {
  return type === 'advert' || type === 'pong';
}
