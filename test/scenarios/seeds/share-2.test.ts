import { holdsFor } from './share.js';

holdsFor(1, { from: 1, to: 300 });
