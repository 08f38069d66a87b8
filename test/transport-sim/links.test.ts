import { describe, expect, test } from 'vitest';
import { nodeName } from '../../core/index.js';
import { Simulation } from '../../transport-sim/index.js';
import { a, b, c, linkedPair, pass, Puppet, writeNumbers } from './programs.js';

describe('dialling', () => {
  test('takes a round trip and joins the two by their true names', () => {
    const sim = new Simulation({ seed: 's', link: { latency: { minMs: 5, maxMs: 5 } } });
    const [dialer, acceptor] = [new Puppet(), new Puppet()];
    sim.addNode(a, dialer);
    sim.addNode(b, acceptor);
    sim.start(a);
    sim.start(b);
    pass(sim, 10);
    dialer.dial(b);
    sim.run({ untilMs: 19.999 });
    expect(acceptor.links.map((link) => link.remote)).toEqual(['a']);
    expect(dialer.links).toEqual([]);
    sim.run({ untilMs: 20 });
    expect(dialer.links.map((link) => link.remote)).toEqual(['b']);
  });

  test('is refused by a machine where nobody listens, and where nobody runs', () => {
    const sim = new Simulation({ seed: 's' });
    const dialer = new Puppet();
    sim.addNode(a, dialer);
    sim.addNode(b, new Puppet(false));
    sim.addNode(c, new Puppet());
    sim.start(a);
    sim.start(b);
    pass(sim);
    dialer.dial(b);
    dialer.dial(c);
    dialer.dial(nodeName('nobody'));
    expect(dialer.failures).toEqual([]);
    pass(sim);
    expect(dialer.failures).toEqual(['E_UNREACHABLE', 'E_UNREACHABLE', 'E_UNREACHABLE']);
  });

  test('is refused after a crash, and stays unanswered after a loss of power', () => {
    for (const power of [false, true]) {
      const { sim, dialer } = linkedPair();
      sim.crash(b, { power });
      dialer.dial(b);
      pass(sim, 100_000);
      expect(dialer.failures).toEqual(power ? [] : ['E_UNREACHABLE']);
      expect(dialer.links).toHaveLength(1);
    }
  });

  test('stays unanswered across a partition, in whichever direction', () => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const { sim, dialer } = linkedPair();
      sim.network.block(from, to);
      dialer.dial(b);
      pass(sim, 100_000);
      expect(dialer.failures).toEqual([]);
      expect(dialer.links).toHaveLength(1);
    }
  });

  test('an accepted link whose answer was lost is reset when it is used', () => {
    const { sim, dialer, acceptor } = linkedPair();
    sim.network.block(b, a);
    dialer.dial(b);
    pass(sim);
    expect(acceptor.links).toHaveLength(2);
    sim.network.heal();
    acceptor.write('hello?');
    pass(sim);
    expect(acceptor.recorder.closed).toHaveLength(1);
    expect(dialer.links).toHaveLength(1);
  });

  test('a cancelled dial calls nothing, and closes what was accepted', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { latency: { minMs: 5, maxMs: 5 } } });
    const cancel = dialer.dial(b);
    pass(sim, 7);
    expect(acceptor.links).toHaveLength(2);
    cancel();
    cancel();
    pass(sim);
    expect(dialer.links).toHaveLength(1);
    expect(dialer.failures).toEqual([]);
    expect(acceptor.recorder.closed).toHaveLength(1);
  });

  test('is refused once the links are closed; a second listen fails', () => {
    const { sim, dialer, acceptor } = linkedPair();
    const answers: string[] = [];
    acceptor.world.links.listen(acceptor.takeLink, (result) => answers.push(result.error?.code ?? 'listens'));
    acceptor.world.links.close(() => answers.push('closed'));
    dialer.dial(b);
    pass(sim);
    expect(answers).toEqual(['E_LISTEN', 'closed']);
    expect(dialer.failures).toEqual(['E_UNREACHABLE']);
    acceptor.world.links.listen(acceptor.takeLink, () => {});
    pass(sim);
    dialer.dial(b);
    pass(sim);
    expect(dialer.links).toHaveLength(2);
  });
});

describe('writes', () => {
  test('arrive in order, once, as the very bytes, and never inside the call', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { latency: { minMs: 0, maxMs: 20 } } });
    const texts = writeNumbers(dialer, 200);
    expect(acceptor.recorder.received).toEqual([]);
    pass(sim);
    expect(acceptor.recorder.received).toEqual(texts);
  });

  test('are lost now and then, and the link lives on', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { loss: 0.3 } });
    const texts = writeNumbers(dialer, 200);
    pass(sim);
    const { received, closed } = acceptor.recorder;
    expect(received).toEqual(texts.filter((text) => received.includes(text)));
    expect(received).toHaveLength(200 - (sim.faults.get('loss') ?? 0));
    expect(sim.faults.get('loss')).toBeGreaterThan(30);
    expect(closed).toEqual([]);
  });

  test('spare the first writes of each end when told to, and treat the others as they would have', () => {
    const received = (sparedWrites: number): string[] => {
      const { sim, dialer, acceptor } = linkedPair({ link: { loss: 0.5, sparedWrites } });
      writeNumbers(dialer, 100);
      pass(sim);
      return acceptor.recorder.received;
    };
    const [plain, spared] = [received(0), received(10)];
    expect(spared.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, index) => `${index};`));
    expect(spared.slice(10)).toEqual(plain.filter((text) => Number.parseInt(text, 10) >= 10));
    expect(spared.length).toBeLessThan(80);
  });

  test('are doubled now and then', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { duplication: 0.3 } });
    const texts = writeNumbers(dialer, 200);
    pass(sim);
    const { received } = acceptor.recorder;
    expect(new Set(received)).toEqual(new Set(texts));
    expect(received).toHaveLength(200 + (sim.faults.get('duplication') ?? 0));
    expect(sim.faults.get('duplication')).toBeGreaterThan(30);
  });

  test('are overtaken now and then; the others stay in order', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { reordering: 0.2, reorderDelayMs: 50 } });
    for (let round = 0; round < 100; round += 1) {
      writeNumbers(dialer, 1, round);
      pass(sim, 1);
    }
    pass(sim);
    const { received } = acceptor.recorder;
    const numbers = received.map((text) => Number.parseInt(text, 10));
    const overtaken = numbers.filter((number, index) => numbers.slice(0, index).some((earlier) => earlier > number));
    expect(numbers.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(overtaken.length).toBeGreaterThan(5);
    expect(overtaken.length).toBeLessThanOrEqual(sim.faults.get('reordering') ?? 0);
  });

  test('arrive in pieces with splitting, and the same stream all the same', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { splitting: 0.5 } });
    const texts = writeNumbers(dialer, 200, 1_000);
    pass(sim);
    expect(acceptor.recorder.text).toBe(texts.join(''));
    expect(acceptor.recorder.received).toHaveLength(200 + (sim.faults.get('splitting') ?? 0));
    expect(sim.faults.get('splitting')).toBeGreaterThan(50);
  });

  test('have one bit flipped with corruption, and the writer keeps its bytes', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { corruption: 1 } });
    const bytes = new Uint8Array(8);
    dialer.link.write(bytes);
    pass(sim);
    const bits = [...Buffer.from(acceptor.recorder.text, 'latin1')].map((byte) => byte.toString(2)).join('');
    expect(bits.replaceAll('0', '')).toBe('1');
    expect(bytes).toEqual(new Uint8Array(8));
  });

  test('cut the link at some byte: a prefix arrives, both ends hear of it', () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { sim, dialer, acceptor } = linkedPair({ seed: String(seed) });
      sim.network.setProfile({ cut: 1 }, a, b);
      dialer.write('0123456789');
      dialer.write('never');
      pass(sim);
      expect('0123456789'.startsWith(acceptor.recorder.text)).toBe(true);
      expect(acceptor.recorder.closed).toHaveLength(1);
      expect(dialer.recorder.closed).toHaveLength(1);
      expect(sim.faults.get('cut')).toBe(1);
      lengths.add(acceptor.recorder.text.length);
    }
    expect(lengths.size).toBeGreaterThan(4);
  });
});

describe('flow', () => {
  test('bandwidth keeps bytes buffered until they have left, then drains', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { latency: { minMs: 1, maxMs: 1 }, bytesPerMs: 10 } });
    const startMs = sim.nowMs;
    for (let write = 0; write < 5; write += 1) dialer.write('0123456789'.repeat(4));
    expect(dialer.link.bufferedBytes).toBe(200);
    pass(sim, 10);
    expect(dialer.link.bufferedBytes).toBe(120);
    expect(dialer.recorder.drains).toBe(0);
    pass(sim);
    expect(dialer.link.bufferedBytes).toBe(0);
    expect(dialer.recorder.drains).toBe(1);
    expect(acceptor.recorder.receivedAtMs.map((atMs) => atMs - startMs)).toEqual([5, 9, 13, 17, 21]);
  });

  test('without a bandwidth nothing is ever buffered', () => {
    const { dialer } = linkedPair();
    writeNumbers(dialer, 10);
    expect(dialer.link.bufferedBytes).toBe(0);
  });

  test('a reader that has stopped gets nothing, and goes on where it was', () => {
    const { sim, dialer, acceptor } = linkedPair();
    acceptor.link.pause();
    const first = writeNumbers(dialer, 5);
    pass(sim);
    expect(acceptor.recorder.received).toEqual([]);
    acceptor.link.resume();
    const then = writeNumbers(dialer, 5, 5);
    expect(acceptor.recorder.received).toEqual([]);
    pass(sim);
    expect(acceptor.recorder.received).toEqual([...first, ...then]);
  });

  test('a reader that stops again while it catches up gets no more', () => {
    const { sim, dialer, acceptor } = linkedPair();
    acceptor.link.pause();
    const texts = writeNumbers(dialer, 5);
    pass(sim);
    acceptor.recorder.onReceived = () => acceptor.link.pause();
    acceptor.link.resume();
    pass(sim);
    expect(acceptor.recorder.received).toEqual(texts.slice(0, 1));
  });

  test('behind a full window the sender keeps its bytes, and drains when the reader goes on', () => {
    const { sim, dialer, acceptor } = linkedPair();
    const chunk = new Uint8Array(100_000);
    acceptor.link.pause();
    for (let write = 0; write < 3; write += 1) dialer.link.write(chunk);
    expect(dialer.link.bufferedBytes).toBe(0);
    pass(sim);
    for (let write = 0; write < 3; write += 1) dialer.link.write(chunk);
    pass(sim);
    expect(dialer.link.bufferedBytes).toBe(300_000);
    acceptor.link.resume();
    pass(sim);
    expect(dialer.link.bufferedBytes).toBe(0);
    expect(dialer.recorder.drains).toBe(1);
    expect(acceptor.recorder.text).toHaveLength(600_000);
  });

  test('a close behind a full window comes after the bytes', () => {
    const { sim, dialer, acceptor } = linkedPair();
    const chunk = new Uint8Array(300_000);
    acceptor.link.pause();
    dialer.link.write(chunk);
    pass(sim);
    dialer.link.write(chunk);
    dialer.link.close();
    pass(sim);
    expect([dialer.recorder.closed.length, acceptor.recorder.closed.length]).toEqual([0, 0]);
    acceptor.link.resume();
    pass(sim);
    expect(acceptor.recorder.text).toHaveLength(600_000);
    expect([dialer.recorder.closed.length, acceptor.recorder.closed.length]).toEqual([1, 1]);
  });
});

describe('closing', () => {
  test('delivers what was written, reordered writes too, then ends both ends once', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { reordering: 0.5, bytesPerMs: 5 } });
    const texts = writeNumbers(dialer, 20);
    dialer.link.close();
    dialer.write('too late');
    expect(dialer.recorder.closed).toEqual([]);
    pass(sim);
    expect(acceptor.recorder.received.toSorted()).toEqual(texts.toSorted());
    expect(dialer.recorder.closed).toHaveLength(1);
    expect(acceptor.recorder.closed).toHaveLength(1);
    acceptor.write('too late as well');
    acceptor.link.close();
    pass(sim);
    expect(acceptor.recorder.closed).toHaveLength(1);
    expect(dialer.recorder.received).toEqual([]);
  });

  test('waits for a reader that has stopped', () => {
    const { sim, dialer, acceptor } = linkedPair();
    acceptor.link.pause();
    const texts = writeNumbers(dialer, 3);
    dialer.link.close();
    pass(sim);
    expect(acceptor.recorder.closed).toEqual([]);
    acceptor.link.resume();
    pass(sim);
    expect(acceptor.recorder.received).toEqual(texts);
    expect(acceptor.recorder.closed).toHaveLength(1);
  });

  test('across a partition leaves the other end half open until it writes', () => {
    const { sim, dialer, acceptor } = linkedPair();
    sim.network.partition([[a], [b]]);
    dialer.link.close();
    pass(sim);
    expect(dialer.recorder.closed).toHaveLength(1);
    sim.network.heal();
    pass(sim);
    expect(acceptor.recorder.closed).toEqual([]);
    acceptor.write('hello?');
    pass(sim);
    expect(acceptor.recorder.closed).toHaveLength(1);
  });
});
