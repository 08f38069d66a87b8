/** A process that prepares the data directory in its first argument, and prints `taken` or the error. */
import { AntecedentError } from '../../core/index.js';
import { prepareDataDirectory } from '../../transport-tls/data-directory.js';

try {
  prepareDataDirectory(process.argv[2] ?? '', { allowNetworkFileSystem: false });
  process.stdout.write('taken\n');
} catch (error) {
  if (!(error instanceof AntecedentError)) throw error;
  process.stdout.write(`${error.code} ${error.message}\n`);
}
