/** What npm reads: the manifest and the lock file, as somebody else's machine will find them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './source-tree.js';

interface LockedPackage {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Manifest extends LockedPackage {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

type Packages = Readonly<Record<string, LockedPackage>>;

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

const manifest = readJson('package.json') as Manifest;
const { packages } = readJson('package-lock.json') as { readonly packages: Packages };

/** Where Node would find `name` from the package at `from`: in its own node_modules, or that of a package around it. */
function isLocked(locked: Packages, from: string, name: string): boolean {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    if (locked[`${base === '' ? '' : `${base}/`}node_modules/${name}`] !== undefined) return true;
    if (base === '') return false;
  }
}

/** Optional packages, such as binaries for one platform, that the lock file promises but does not hold. */
function missingOptionals(locked: Packages): readonly string[] {
  return Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isLocked(locked, path, name))
      .map((name) => `${path} lacks ${name}`),
  );
}

describe('the lock file', () => {
  test('holds the optional packages of every platform, so that npm ci works on each', () => {
    expect(missingOptionals(packages)).toEqual([]);
  });

  test('a missing platform package would be noticed', () => {
    const complete: Packages = {
      'node_modules/a': { optionalDependencies: { 'a-linux': '1', 'a-darwin': '1' } },
      'node_modules/a/node_modules/a-linux': {},
      'node_modules/a-darwin': {},
    };
    const { 'node_modules/a-darwin': _removed, ...incomplete } = complete;
    expect(missingOptionals(complete)).toEqual([]);
    expect(missingOptionals(incomplete)).toEqual(['node_modules/a lacks a-darwin']);
  });

  test('was written for this package.json', () => {
    expect(packages['']?.dependencies).toEqual(manifest.dependencies);
    expect(packages['']?.devDependencies).toEqual(manifest.devDependencies);
  });
});

describe('the manifest', () => {
  test('every entry point has a source file', () => {
    const targets = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [] : [entry.default],
    );
    const outputs = [...targets, ...Object.values(manifest.bin)];
    const missing = outputs.filter((output) => {
      const source = output.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts');
      return !existsSync(join(root, source));
    });
    expect(missing).toEqual([]);
  });

  test('types lie beside the code they describe', () => {
    for (const entry of Object.values(manifest.exports)) {
      if (typeof entry !== 'string') expect(entry.types).toBe(entry.default.replace(/\.js$/, '.d.ts'));
    }
  });

  test('dependencies are caret ranges: the lock file pins, the manifest says what is compatible', () => {
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(ranges.filter(([, range]) => !/^\^\d+\.\d+\.\d+$/.test(range))).toEqual([]);
  });
});
