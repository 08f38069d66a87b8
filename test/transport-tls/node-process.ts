/** The node command alone, as a program: what the tests of the daemon start. */
import { nodeCommand } from '../../cli/node.js';

await nodeCommand().parseAsync(process.argv.slice(2), { from: 'user' });
