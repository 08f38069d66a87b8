/**
 * A node of pluto v0.4, as one meets it on the wire: its text, its rules, and its habits, of which some are bad.
 *
 * - It sends each message to each of its nodes itself, in turn, over a connection of its own: a ping, a pause, the line. It connects until
 *   that works, ends no connection, and sends nothing twice.
 * - It takes one message of a connection, appends it to its log, and applies from the log what is next of its sender and has nothing
 *   missing. The newest one that comes again is thrown away; an older one stays in its log for ever (`spinning`).
 * - It believes the sender's name in the line. Whatever it cannot read ends it (`ended`).
 * What it knows survives `stop` and `start`, as its files would.
 */
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import type { PemPaths } from './certificates.js';

export interface PlutoNodeOptions {
  readonly name: string;
  readonly files: PemPaths;
  /** Of its sync port. */
  readonly port: number;
  /** Names and ports of the other nodes. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Between ping and message. */
  readonly pauseMs?: number;
  /** Between two attempts to connect. */
  readonly retryMs?: number;
  /** True: ends a connection when it has its message. */
  readonly endsConnections?: boolean;
  readonly onApply?: (message: AppliedMessage) => void;
}

export interface AppliedMessage {
  readonly sender: string;
  readonly clock: ReadonlyMap<string, number>;
  readonly payload: string;
}

const ping = '> ping <\r\n';

export class PlutoNode {
  readonly name: string;
  readonly #options: PlutoNodeOptions;
  readonly #clock = new Map<string, number>();
  /** Messages that wait to be applied. */
  readonly #log: AppliedMessage[] = [];
  /** Lines that have still to be sent, each with the nodes that lack it. */
  readonly #outgoing: { readonly line: string; readonly nodes: string[] }[] = [];
  #sending: Promise<void> | undefined;
  #server: tls.Server | undefined;
  readonly #sockets = new Set<tls.TLSSocket>();
  #isStopped = true;
  /** What it has applied, its own messages included, in order. */
  readonly applied: AppliedMessage[] = [];
  /** What has ended it. */
  ended: string | undefined;
  /** Every line that it was sent. */
  readonly received: string[] = [];

  constructor(options: PlutoNodeOptions) {
    this.name = options.name;
    this.#options = options;
    for (const name of [options.name, ...Object.keys(options.nodes)]) this.#clock.set(name, 0);
  }

  async start(): Promise<void> {
    this.#isStopped = false;
    const server = tls.createServer({ ...this.#secureOptions(), requestCert: true, rejectUnauthorized: true });
    this.#server = server;
    server.on('secureConnection', (socket) => this.#receive(socket));
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(this.#options.port, '127.0.0.1', resolve));
    this.#sendAll();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    await this.#sending;
  }

  /** Counts, applies and sends a payload. */
  send(payload: string): void {
    this.#clock.set(this.name, this.#count(this.name) + 1);
    const clock = new Map(this.#clock);
    this.#apply({ sender: this.name, clock, payload });
    const entries = [...clock].map(([name, count]) => `${name}:${count}`);
    this.#outgoing.push({
      line: `${this.name}|${entries.join(';')}|${payload}\r\n`,
      nodes: Object.keys(this.#options.nodes),
    });
    this.#sendAll();
  }

  /** True when everything was sent to everybody. */
  get isIdle(): boolean {
    return this.#outgoing.length === 0;
  }

  /** Messages in its log that it will never apply: each look at the log begins with them. */
  get spinning(): readonly AppliedMessage[] {
    return this.#log.filter(({ sender, clock }) => (clock.get(sender) ?? 0) < this.#count(sender));
  }

  /** Messages in its log that wait for others. */
  get waiting(): number {
    return this.#log.length;
  }

  #secureOptions(): tls.SecureContextOptions {
    const { ca, cert, key } = this.#options.files;
    const pem = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
    // As far as Go went in its time.
    return { ...pem, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
  }

  #count(name: string): number {
    return this.#clock.get(name) ?? 0;
  }

  // --- receiving ---

  #receive(socket: tls.TLSSocket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let text = '';
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      while (text.startsWith(ping)) text = text.slice(ping.length);
      const end = text.indexOf('\n');
      if (end < 0 || ping.startsWith(text)) return;
      socket.off('data', read);
      this.#store(text.slice(0, end + 1));
      if (this.#options.endsConnections === true) socket.end();
      else socket.resume();
    };
    socket.on('data', read);
  }

  #store(line: string): void {
    if (this.ended !== undefined) return;
    this.received.push(line.trimEnd());
    const message = parse(line);
    if (message === undefined) {
      this.ended = `cannot read ${JSON.stringify(line.slice(0, 100))}`;
      void this.stop();
      return;
    }
    this.#log.push(message);
    while (this.#applyOne());
  }

  /** Applies, or throws away, the first message of the log that may be. */
  #applyOne(): boolean {
    const index = this.#log.findIndex((message) => this.#isDue(message));
    const message = this.#log[index];
    if (message === undefined) return false;
    this.#log.splice(index, 1);
    if (message.clock.get(message.sender) === this.#count(message.sender) + 1) this.#apply(message);
    for (const [name, count] of message.clock) this.#clock.set(name, Math.max(count, this.#count(name)));
    return true;
  }

  #isDue({ sender, clock }: AppliedMessage): boolean {
    const own = clock.get(sender) ?? 0;
    if (own !== this.#count(sender) && own !== this.#count(sender) + 1) return false;
    return [...clock].every(([name, count]) => name === sender || count <= this.#count(name));
  }

  #apply(message: AppliedMessage): void {
    this.applied.push(message);
    this.#options.onApply?.(message);
  }

  // --- sending ---

  #sendAll(): void {
    this.#sending ??= this.#sendWhatThereIs().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendWhatThereIs(): Promise<void> {
    for (let next = this.#outgoing[0]; next !== undefined && !this.#isStopped; next = this.#outgoing[0]) {
      const [node] = next.nodes;
      if (node === undefined) this.#outgoing.shift();
      else if (await this.#sendTo(node, next.line)) next.nodes.shift();
    }
  }

  /** True when the line was written. */
  async #sendTo(node: string, line: string): Promise<boolean> {
    const { nodes, pauseMs = 1, retryMs = 5 } = this.#options;
    const socket = tls.connect({ ...this.#secureOptions(), host: '127.0.0.1', port: nodes[node] ?? 0 });
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    // It reads nothing of what it sends over, but a socket that nobody reads does not see its end either.
    socket.resume();
    const isConnected = await new Promise<boolean>((resolve) => {
      socket.on('secureConnect', () => resolve(true));
      socket.on('close', () => resolve(false));
    });
    if (!isConnected || !(await write(socket, ping)) || this.#isStopped) {
      socket.destroy();
      await pause(retryMs);
      return false;
    }
    await pause(pauseMs);
    return await write(socket, line);
  }
}

function write(socket: tls.TLSSocket, text: string): Promise<boolean> {
  return new Promise((resolve) => socket.write(text, 'latin1', (error) => resolve(!error)));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function parse(line: string): AppliedMessage | undefined {
  const match = /^([^|]+)\|([^|]*)\|([^\r\n]*)\r\n$/.exec(line);
  const [, sender, clockText, payload] = match ?? [];
  if (sender === undefined || clockText === undefined || payload === undefined) return undefined;
  const clock = new Map<string, number>();
  for (const entry of clockText.split(';')) {
    const [name, count] = entry.split(':');
    if (name === undefined || name === '' || !/^\d+$/.test(count ?? '')) return undefined;
    clock.set(name, Number(count));
  }
  return { sender, clock, payload };
}
