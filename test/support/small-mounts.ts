/**
 * File systems of a test's own, mounted where no other process sees them: with `unshare` of util-linux, in a user namespace,
 * so that nobody needs to be root. Linux only, and not where namespaces are forbidden, as in many containers.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Arguments of `unshare` for namespaces in which we may mount. */
export const ownNamespace: readonly string[] = ['--user', '--map-root-user', '--mount'];

/** Whether this machine lets us. */
export const canMount: boolean =
  spawnSync('unshare', [...ownNamespace, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;

/** To be put behind the claim of a test that is skipped without one. */
export const mountSkipped: string = canMount ? '' : ' (skipped: this machine lets nobody mount a file system)';

/** A file system in memory over a directory, with a file that only takes room. */
export class SmallMount {
  readonly directory: string;
  readonly #holder: ChildProcess;
  readonly #ballast: string;

  private constructor(directory: string, holder: ChildProcess) {
    this.directory = directory;
    this.#holder = holder;
    this.#ballast = join(directory, '.ballast');
  }

  /** Mounts `bytes` over `directory`, of which `ballastBytes` are taken. */
  static async mount(directory: string, bytes: number, ballastBytes: number): Promise<SmallMount> {
    const script =
      'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$0" && head -c "$2" /dev/zero > "$0/.ballast" && echo mounted && exec cat';
    const args = [...ownNamespace, 'sh', '-c', script, directory, String(bytes), String(ballastBytes)];
    const holder = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(holder, 'exit').then(() => {
      throw new Error(`nothing could be mounted over ${directory}`);
    });
    await Promise.race([once(holder.stdout, 'data'), ended]);
    return new SmallMount(directory, holder);
  }

  /** What to put before a command that is to see the mount. */
  get enter(): readonly string[] {
    const target = String(this.#holder.pid);
    return ['nsenter', '--target', target, '--user', '--preserve-credentials', '--mount', '--'];
  }

  /** Takes the ballast away. */
  makeRoom(): void {
    const [command, ...args] = [...this.enter, 'rm', this.#ballast];
    const { status } = spawnSync(command, args, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`the ballast ${this.#ballast} could not be removed`);
  }

  /** The mount is gone once the processes that see it are. */
  close(): void {
    this.#holder.kill('SIGKILL');
  }
}
