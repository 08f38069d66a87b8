import { holdsFor } from './share.js';

// Behind those of the short run.
holdsFor(1, { from: 301, to: 10_000 });
