/** Where a node agrees to keep its journal, and what it says about the other places. */
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import type * as fs from 'node:fs';
import { EventEmitter } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { prepareDataDirectory } from '../../transport-tls/data-directory.js';
import { loadConfig, openNode, runDaemon } from '../../transport-tls/index.js';
import { lockDirectory } from '../../transport-tls/lock.js';
import { bundleScript } from '../support/bundled-program.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { canMount, mountSkipped, ownNamespace } from '../support/small-mounts.js';
import { writeConfig } from './daemon-process.js';

/** Types of file systems that `statfs` is to tell, by path. */
const typesByPath = new Map<string, bigint>();

vi.mock(import('node:fs'), async (importOriginal) => {
  const original = await importOriginal();
  const statfsSync = (path: string, options: { readonly bigint: true }): fs.BigIntStatsFs => {
    const type = typesByPath.get(path);
    const stats = original.statfsSync(path, options);
    return type === undefined ? stats : { ...stats, type };
  };
  return { ...original, statfsSync: statfsSync as typeof fs.statfsSync };
});

let directory: string;

beforeEach(() => {
  directory = makeTestDirectory('data');
});
afterEach(() => {
  typesByPath.clear();
  vi.restoreAllMocks();
});
afterAll(removeTestDirectories);

function prepare(path: string, allowNetworkFileSystem = false): void {
  prepareDataDirectory(path, { allowNetworkFileSystem });
}

/** The message with which `path` is refused. */
function refusal(path: string): string {
  try {
    prepare(path);
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_STORAGE' });
    return (error as Error).message;
  }
  throw new Error(`${path} was taken`);
}

describe('a data directory', () => {
  test('is made with its parents, for its owner alone, whatever the umask', () => {
    const before = process.umask(0);
    try {
      const path = join(directory, 'x', 'y', 'z');
      prepare(path);
      prepare(path);
      for (const made of ['x', 'x/y', 'x/y/z']) expect(statSync(join(directory, made)).mode & 0o777).toBe(0o700);
      lockDirectory(path).release();
      expect(statSync(join(path, '.lock')).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  test('may be a symbolic link to a directory, or lie behind one', () => {
    mkdirSync(join(directory, 'real'), { mode: 0o700 });
    symlinkSync('real', join(directory, 'link'));
    prepare(join(directory, 'link'));
    prepare(join(directory, 'link', 'data'));
    expect(readdirSync(join(directory, 'real'))).toEqual(['data']);
  });

  test('is refused when it is a file, or lies behind one', () => {
    writeFileSync(join(directory, 'file'), 'kept');
    const file = join(directory, 'file');
    for (const path of [file, join(file, 'data'), join(file, 'a', 'b')]) {
      expect(refusal(path)).toBe(
        `cannot use data directory ${path}: ${file} is not a directory; move it away, or give another path`,
      );
    }
  });

  test('is refused when its symbolic link leads nowhere, which is not filled in', () => {
    const link = join(directory, 'dangling');
    symlinkSync('nowhere', link);
    for (const path of [link, join(link, 'data')]) {
      expect(refusal(path)).toMatch(
        `${link} is a symbolic link that leads nowhere; move it away, or give another path`,
      );
    }
    expect(readdirSync(directory)).toEqual(['dangling']);
  });

  test('is refused when symbolic links lead in a circle', () => {
    symlinkSync('b', join(directory, 'a'));
    symlinkSync('a', join(directory, 'b'));
    for (const path of [join(directory, 'a'), join(directory, 'a', 'data')]) {
      expect(refusal(path)).toMatch(
        /^cannot use data directory .*: ELOOP: .*; mend the link that leads to itself, or give another path$/,
      );
    }
  });

  test('is refused when the name is too long, with the reason of the system', () => {
    expect(refusal(join(directory, 'n'.repeat(300)))).toMatch(
      /^preparing the data directory failed on .*: ENAMETOOLONG/,
    );
  });

  test.skipIf(process.platform !== 'linux')('is refused where nothing can be made, without trying for ever', () => {
    expect(refusal('/proc/antecedent/data')).toMatch(/^preparing the data directory failed on .*: ENOENT/);
  });

  test.each([
    ['0777', 0o777],
    ['0702', 0o702],
    ['1777', 0o1777],
  ])('is refused when everybody may write there (mode %s)', (shown, mode) => {
    const path = join(directory, 'open');
    mkdirSync(path);
    chmodSync(path, mode);
    expect(refusal(path)).toBe(
      `data directory ${path} has mode ${shown}, so anybody may replace the journal; run: chmod 700 ${path}`,
    );
    chmodSync(path, 0o700);
    prepare(path);
  });

  test.each(['700', '750', '755', '770'])(
    'is taken when others may read at most, or a group may write (mode 0%s)',
    (mode) => {
      const path = join(directory, 'data');
      mkdirSync(path);
      chmodSync(path, mode);
      prepare(path);
    },
  );
});

describe.skipIf(process.platform !== 'linux')('on a network file system (told by Linux only)', () => {
  test.each([
    ['NFS', 0x6969n],
    ['CIFS', 0xff534d42n],
    ['SMB2', 0xfe534d42n],
    // The same where a word of the system has 32 bits.
    ['SMB2', BigInt.asUintN(64, BigInt.asIntN(32, 0xfe534d42n))],
    ['FUSE', 0x65735546n],
    ['9P', 0x01021997n],
  ])('%s is refused by name, and nothing is made', (name, type) => {
    typesByPath.set(directory, type);
    expect(refusal(join(directory, 'a', 'data'))).toBe(
      `data directory ${join(directory, 'a', 'data')} is on a network file system (${name}), where locks and syncs are not ` +
        'to be trusted; use a local disk, or allow it with allow_network_file_system = true (option ' +
        'allowNetworkFileSystem) if you know better',
    );
    expect(readdirSync(directory)).toEqual([]);
    prepare(join(directory, 'a', 'data'), true);
  });

  test.each([
    ['ext4', 0xef53n],
    ['tmpfs', 0x01021994n],
    ['overlay', 0x794c7630n],
    ['xfs', 0x58465342n],
    ['btrfs', 0x9123683en],
  ])('%s is none', (_name, type) => {
    typesByPath.set(directory, type);
    prepare(join(directory, 'data'));
  });

  test('a node is refused, as a library and as a daemon, unless it is told that this is meant', async () => {
    const authority = await TestAuthority.make('demo', ['a']);
    const options = {
      ...{ name: 'a', cluster: 'demo', listen: '127.0.0.1:0', peers: {}, tls: authority.files('a') },
      ...{ dataDir: join(directory, 'data'), logger: { log: () => undefined }, apply: () => undefined },
    };
    const daemon = async (extra: string): Promise<number> => {
      const config = await loadConfig(writeConfig(authority, extra, options.dataDir));
      const streams = { input: Readable.from([]), output: new PassThrough().resume(), signals: new EventEmitter() };
      return runDaemon(config, { ...streams, exit: () => undefined, logger: options.logger });
    };
    for (const path of [directory, options.dataDir]) typesByPath.set(path, 0x6969n);
    const refused = { code: 'E_STORAGE', message: expect.stringContaining('network file system (NFS)') as string };
    await expect(openNode(options)).rejects.toMatchObject(refused);
    await expect(daemon('')).rejects.toMatchObject(refused);
    await (await openNode({ ...options, allowNetworkFileSystem: true })).close();
    expect(await daemon('allow_network_file_system = true\n')).toBe(0);
    await expect(daemon('')).rejects.toMatchObject(refused);
  });

  test('elsewhere the number means nothing', () => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
    typesByPath.set(directory, 0x6969n);
    prepare(join(directory, 'data'));
  });
});

/** What another process says about `path`: `taken`, or code and message. */
function attempt(script: string, path: string, before: readonly string[], options: SpawnSyncOptions = {}): string {
  const [command, ...args] = [...before, process.execPath, script, path];
  return String(spawnSync(command, args, options).stdout);
}

// Root may do everything: then somebody else has to try, who can get at Node and at our directories.
const someoneElse = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const look = `require('node:fs').accessSync(${JSON.stringify(tmpdir())})`;
const canBeRefused = spawnSync(process.execPath, ['-e', look], someoneElse).status === 0;

describe('the rights of a process decide', () => {
  const claim = 'a data directory without permission to write is refused';
  const skipped = canBeRefused ? '' : ' (skipped: root runs this, and nobody else can run Node)';
  test.skipIf(!canBeRefused)(`${claim}${skipped}`, async () => {
    const script = await bundleScript('test/transport-tls/directory-taker.ts');
    const locked = join(directory, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o555);
    for (const reached of [directory, dirname(script)]) chmodSync(reached, 0o755);
    for (const path of [locked, join(locked, 'data')]) {
      expect(attempt(script, path, [], someoneElse)).toMatch(
        /^E_STORAGE cannot use data directory .*: EACCES: .*; let the user who runs the node own it, with chown and chmod 700/,
      );
    }
    expect(readdirSync(locked)).toEqual([]);
  });

  test.skipIf(!canMount)(`one on a file system that can only be read is refused${mountSkipped}`, async () => {
    const script = await bundleScript('test/transport-tls/directory-taker.ts');
    const mount = ['unshare', ...ownNamespace, 'sh', '-c', 'mount -t tmpfs -o ro,mode=700 tmpfs "$0" && exec "$@"'];
    for (const path of [directory, join(directory, 'data')]) {
      expect(attempt(script, path, [...mount, directory])).toMatch(
        /^E_STORAGE cannot use data directory .*: EROFS: .*; mount the file system for writing, or give another path/,
      );
    }
  });
});
