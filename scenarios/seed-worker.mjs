/**
 * `seed-worker.ts` where there is only its source: in a checkout. A worker thread does not inherit the compiler that
 * the program was started with, in every version of Node that we run on. What is installed has a compiled
 * `seed-worker.js` and not this.
 */
import { register } from 'tsx/esm/api';

register();
const { default: answer } = await import('./seed-worker.ts');

export default answer;
