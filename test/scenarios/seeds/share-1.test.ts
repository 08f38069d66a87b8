import { holdsFor } from './share.js';

holdsFor(0, { from: 1, to: 300 });
