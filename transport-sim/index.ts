/** The simulated world: everything other folders and users may import from it. */
export type { MachineClock } from './clock.js';
export type { CrashPoint, DiskOperation } from './crash-point.js';
export { simulatedDigests } from './digests.js';
export { defaultDiskProfile, SimulatedDisk, type DiskImage, type DiskProfile } from './disk.js';
export type { RunEnd } from './kernel.js';
export { SimulatedNetwork } from './network.js';
export type { Process, World } from './process.js';
export type { RandomStream } from './random.js';
export { defaultLinkProfile, type LatencyProfile, type LinkProfile } from './route.js';
export { Simulation, type LogFields, type SimulationOptions } from './simulation.js';
export type { Usage } from './usage.js';
