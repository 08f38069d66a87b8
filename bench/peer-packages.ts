/**
 * Packages that are only compared with. They are installed by `npm ci --prefix bench`, below the sources of this folder, and are not
 * needed to compile: whoever loads one says by a type of its own what it uses of it.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const requireHere = createRequire(join(import.meta.dirname, '../../bench/package.json'));

/** Throws when it is not installed. */
export function loadPeerPackage<Shape>(name: string): Shape {
  return requireHere(name) as Shape;
}

export function isPeerPackageInstalled(name: string): boolean {
  try {
    requireHere.resolve(name);
    return true;
  } catch {
    return false;
  }
}
