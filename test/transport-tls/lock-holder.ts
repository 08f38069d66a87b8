/** A process that locks the directory in its first argument, says so, and holds on until it is killed. */
import { lockDirectory } from '../../transport-tls/lock.js';

lockDirectory(process.argv[2] ?? '');
process.stdout.write('locked\n');
setInterval(() => {}, 1 << 30);
