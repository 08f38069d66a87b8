/** A node of the model between peers that a test plays: what it writes to its disk, and when, and what it sends. */
import { describe, expect, test } from 'vitest';
import { nodeName, PlutoNode, type AntecedentError } from '../../../../core/index.js';
import { Stream, type StreamEnd } from '../../../../core/pluto/model/stream.js';
import { Routines, type Steps } from '../../../../core/pluto/model/routines.js';
import { bytesOf, textOf } from '../../../../core/pluto/model/text.js';
import { Simulation, type Process, type World } from '../../../../transport-sim/index.js';
import { a, b, c } from '../../../transport-sim/programs.js';

const readEnd = (reason: string): StreamEnd => (reason === 'the other end is gone' ? 'closed' : 'reset');
const isRefused = ({ message }: AntecedentError): boolean => message.endsWith('does not listen');

/** b, which is watched. */
class Watched implements Process {
  readonly applied: string[] = [];
  readonly stops: string[] = [];
  /** Calls of the disk since the last look. */
  readonly calls: string[] = [];
  readonly #simulation: Simulation;
  readonly #isHesitant: boolean;
  node: PlutoNode | undefined;
  /** Goes on with the message whose application is under way. */
  goOn: () => void = () => undefined;

  constructor(simulation: Simulation, isHesitant: boolean) {
    this.#simulation = simulation;
    this.#isHesitant = isHesitant;
  }

  start(world: World): void {
    this.node = new PlutoNode({ name: b, peers: [a, c], timeoutMs: 100, retryMs: 50, readEnd, isRefused }, world, {
      onReady: () => undefined,
      onDeliver: ({ sender, payload }, done) => {
        this.applied.push(`${sender} ${payload}`);
        this.calls.push('apply');
        if (this.#isHesitant) this.goOn = done;
        else done();
      },
      onStopped: ({ code, message }) => {
        this.stops.push(`${code} ${message}`);
        this.#simulation.exit(b);
      },
    });
    this.node.start();
  }

  /** What was called since the last time, without looks that change nothing. */
  takeCalls(): readonly string[] {
    return this.calls.splice(0).filter((call) => !/^(size|read|list|open) /.test(call) && call !== 'list');
  }
}

/** a or c: takes all lines, and sends what a test says, a connection for each. */
class Peer implements Process {
  readonly lines: string[] = [];
  readonly arrivals: string[] = [];
  #world: World | undefined;
  readonly #routines: Routines;

  constructor() {
    this.#routines = new Routines((error) => {
      throw error;
    });
  }

  start(world: World): void {
    this.#world = world;
    world.links.listen(
      (link) => {
        const stream = new Stream(link, { ...world, readEnd });
        this.#routines.start(this.#read(stream, world));
        return stream;
      },
      () => undefined,
    );
  }

  send(...lines: readonly string[]): void {
    const world = this.#world;
    world?.links.dial(
      b,
      (link) => {
        const stream = new Stream(link, { ...world, readEnd });
        world.clock.wakeAt(world.clock.nowMs(), () => {
          for (const line of lines) stream.write(bytesOf(line));
        });
        return stream;
      },
      () => undefined,
    );
  }

  *#read(stream: Stream, world: World): Steps<void> {
    for (;;) {
      const { line } = yield* stream.readLine();
      if (line === undefined) return;
      this.lines.push(line);
      this.arrivals.push(`${Math.round(world.clock.nowMs())} ms ${line.trim()}`);
    }
  }
}

interface Rig {
  readonly simulation: Simulation;
  readonly watched: Watched;
  readonly peers: readonly [Peer, Peer];
  /** Lets so many milliseconds go by. */
  readonly pass: (ms: number) => void;
  /** The text of a file of b. */
  readonly file: (name: string) => string;
}

function rig(options: { readonly isHesitant?: boolean; readonly up?: readonly (typeof a)[] } = {}): Rig {
  const { isHesitant = false, up = [a, c] } = options;
  const latency = { minMs: 1, maxMs: 1 };
  const simulation = new Simulation({ seed: '1', link: { latency } });
  const watched = new Watched(simulation, isHesitant);
  const peers = [new Peer(), new Peer()] as const;
  simulation.addNode(a, peers[0]);
  simulation.addNode(b, watched);
  simulation.addNode(c, peers[1]);
  simulation.disk(b).onOperation = ({ text }) => watched.calls.push(text);
  for (const node of [...up, b]) simulation.start(node);
  const pass = (ms: number): void => void simulation.run({ untilMs: simulation.nowMs + ms });
  pass(20);
  watched.takeCalls();
  const file = (name: string): string => {
    for (const [found, bytes] of simulation.disk(b).files) if (found === name) return textOf(bytes);
    return '';
  };
  return { simulation, watched, peers, pass, file };
}

const clockSorted = (text: string): string => text.split(';').sort().join(';');

describe('the durable steps', () => {
  test('of a message that comes: its line, the end of the line, a sync; applied; the clock, unsynced; the rest of the log', () => {
    const { watched, peers, pass, file } = rig();
    peers[0].send('> ping <\r\n', 'a|a:1;b:0;c:0|hello\r\n');
    pass(30);
    expect(watched.takeCalls()).toEqual([
      'write receiving.log',
      'write receiving.log',
      'sync receiving.log',
      'apply',
      'write vclock.log',
      'truncate vclock.log',
      'truncate receiving.log',
      'sync receiving.log',
    ]);
    expect(watched.applied).toEqual(['a hello']);
    expect([clockSorted(file('vclock.log')), file('receiving.log')]).toEqual(['a:1;b:0;c:0', '']);
  });

  test('of a broadcast: the log and a sync; the clock, unsynced; sent to all; the rest of the log and a sync', () => {
    const { watched, peers, pass, file } = rig();
    const taken: string[] = [];
    watched.node?.broadcast('hello', () => taken.push(watched.takeCalls().join()));
    pass(150);
    expect(watched.takeCalls()).toEqual([
      'write sending.log',
      'sync sending.log',
      'write vclock.log',
      'truncate vclock.log',
    ]);
    expect(file('sending.log')).toBe('hello\r\n');
    pass(150);
    expect(watched.takeCalls()).toEqual(['truncate sending.log', 'sync sending.log']);
    expect(peers.map(({ lines }) => lines.map((line) => line.replace(/\|.*\|/, '|...|')))).toEqual([
      ['> ping <\r\n', 'b|...|hello\r\n'],
      ['> ping <\r\n', 'b|...|hello\r\n'],
    ]);
    // The application went on before anything was written.
    expect(taken).toEqual(['']);
  });

  test('nothing is stored of the second message of a connection', () => {
    const { watched, peers, pass, file } = rig();
    peers[0].send('a|a:1|one\r\n', 'a|a:2|two\r\n');
    pass(50);
    expect([watched.applied, file('receiving.log')]).toEqual([['a one'], '']);
  });
});

describe('a payload', () => {
  test('with a line break becomes two messages', () => {
    const { watched, peers, pass } = rig();
    watched.node?.broadcast('one\ntwo', () => undefined);
    pass(500);
    expect(peers[0].lines.filter((line) => line.startsWith('b|')).map((line) => line.split('|')[2])).toEqual([
      'one\r\n',
      'two\r\n',
    ]);
  });

  test('loses the spaces around it', () => {
    const { watched, peers, pass } = rig();
    watched.node?.broadcast('  one ', () => undefined);
    pass(300);
    expect(peers[1].lines.at(-1)).toMatch(/\|one\r\n$/);
  });
});

describe('sending', () => {
  test('sleeps the whole timeout between ping and message, for one peer after the other', () => {
    const { watched, peers, pass } = rig();
    watched.node?.broadcast('x', () => undefined);
    pass(400);
    const times = peers.map(({ arrivals }) => arrivals.map((arrival) => Number.parseInt(arrival, 10)));
    const [first = [], second = []] = times.sort(([one = 0], [other = 0]) => one - other);
    expect(Number(first[1]) - Number(first[0])).toBe(100);
    expect(Number(second[0])).toBeGreaterThanOrEqual(Number(first[1]));
    expect(Number(second[1]) - Number(second[0])).toBe(100);
  });

  test('waits for a peer that is down, and goes on when it is up', () => {
    const { simulation, watched, peers, pass } = rig({ up: [a] });
    for (const payload of ['x', 'y']) watched.node?.broadcast(payload, () => undefined);
    pass(5000);
    expect(peers[0].lines.filter((line) => line.startsWith('b|')).length).toBeLessThanOrEqual(1);
    expect(watched.node?.unsent).toBe(2);
    simulation.start(c);
    pass(2000);
    expect(watched.node?.unsent).toBe(0);
    expect(peers.map(({ lines }) => lines.filter((line) => line.startsWith('b|')).length)).toEqual([2, 2]);
  });
});

describe('a line that is not due', () => {
  test('is looked at again and again, and applied when its cause has come', () => {
    const { watched, peers, pass } = rig();
    peers[0].send('a|a:1;c:1|effect\r\n');
    pass(500);
    expect([watched.applied, watched.node?.isSpinning]).toEqual([[], true]);
    peers[1].send('c|c:1|cause\r\n');
    pass(50);
    expect([watched.applied, watched.node?.isSpinning]).toEqual([['c cause', 'a effect'], false]);
  });

  test('stays for ever when it is an older duplicate, while what comes behind it is applied', () => {
    const { watched, peers, pass, file } = rig();
    for (const number of [1, 2, 1, 3]) {
      peers[0].send(`a|a:${number}|m${number}\r\n`);
      pass(60_000);
    }
    expect([watched.applied, watched.node?.isSpinning]).toEqual([['a m1', 'a m2', 'a m3'], true]);
    expect(file('receiving.log')).toBe('a|a:1|m1\n');
  });

  test('a duplicate of the newest message is dropped', () => {
    const { watched, peers, pass, file } = rig();
    for (const number of [1, 1]) {
      peers[0].send(`a|a:${number}|m${number}\r\n`);
      pass(50);
    }
    expect([watched.applied, file('receiving.log'), watched.node?.isSpinning]).toEqual([['a m1'], '', false]);
  });

  test('takes a turn each millisecond, and no more', () => {
    const { simulation, peers, pass } = rig();
    peers[0].send('a|a:7|never\r\n');
    pass(100);
    const { events } = simulation;
    pass(1000);
    expect(simulation.events - events).toBeGreaterThan(900);
    expect(simulation.events - events).toBeLessThan(1100);
  });
});

describe('the process ends', () => {
  test('at a line that is no message, and again at every start', () => {
    const { simulation, watched, peers, pass } = rig();
    peers[0].send('hello\r\n');
    pass(50);
    for (let start = 2; start <= 4; start++) {
      simulation.start(b);
      pass(50);
    }
    expect(watched.stops).toHaveLength(4);
    expect(new Set(watched.stops)).toEqual(
      new Set([expect.stringMatching(/^E_LOG_CORRUPT invalid sync message: "hello/)]),
    );
  });

  test('when a connection is reset before its message, but not when the other process ends', () => {
    for (const [how, stops] of [
      ['crash', 0],
      ['cut', 1],
    ] as const) {
      const { simulation, watched, peers, pass } = rig();
      peers[0].send('> ping <\r\n', 'a|a:1|in part');
      pass(50);
      if (how === 'crash') simulation.crash(a, { power: false });
      else simulation.network.cut(a, b);
      pass(50);
      expect([how, watched.stops.length]).toEqual([how, stops]);
    }
  });

  test('in the middle of an application the message comes again', () => {
    const { simulation, watched, peers, pass } = rig({ isHesitant: true });
    peers[0].send('a|a:1|once\r\n');
    pass(50);
    simulation.crash(b, { power: false });
    simulation.start(b);
    pass(50);
    watched.goOn();
    pass(50);
    expect(watched.applied).toEqual(['a once', 'a once']);
  });
});

test('names that only the file of the clock knows are kept', () => {
  const { watched, peers, pass, file } = rig();
  const stranger = nodeName('zoe');
  peers[0].send(`${stranger}|${stranger}:1|hello\r\n`);
  pass(50);
  expect(watched.applied).toEqual(['zoe hello']);
  expect(clockSorted(file('vclock.log'))).toBe('a:0;b:0;c:0;zoe:1');
});
