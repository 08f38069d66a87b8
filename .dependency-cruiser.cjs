/**
 * Who may import whom. The folders are the architecture:
 *
 *   cli --> scenarios, transport-tls     scenarios --> core, transport-sim, transport-tls     cli --> mutants --> scenarios
 *   transport-tls, transport-sim --> core --> nothing     test, bench --> anything
 *
 * Each folder has one door, its index.ts, and each npm package has the folders that may know of it.
 * `test/structure/fences.test.ts` shows that every fence holds.
 */
const layers = '^(core|transport-sim|transport-tls|scenarios|mutants|cli)/';

/** npm packages and where they may be imported (tests and benchmarks may import all of them). */
const packages = {
  seedrandom: ['transport-sim'],
  'fs-native-extensions': ['transport-tls'],
  pino: ['transport-tls'],
  'smol-toml': ['transport-tls'],
  '@peculiar/x509': ['transport-tls'],
  'reflect-metadata': ['transport-tls'],
  zod: ['transport-tls', 'scenarios'],
  piscina: ['scenarios'],
  tsx: ['scenarios'],
  'cli-progress': ['cli'],
  'cli-table3': ['cli'],
  commander: ['cli'],
  esbuild: ['mutants'],
};

/** Paths of an npm package, its types included: `@scope/name` has its types in `@types/scope__name`. */
function packagePath(name) {
  return `(^|/)node_modules/(${name}|@types/${name.replace('@', '').replace('/', '__')})/`;
}

const anyPackage = Object.keys(packages).map(packagePath).join('|');

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one concept, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'core-imports-core-only',
      comment: 'No node:*, no npm package, no other folder: the core leaves through its ports.',
      severity: 'error',
      from: { path: '^core/' },
      to: { pathNot: '^core/' },
    },
    {
      name: 'transport-sim-imports-core-and-seedrandom',
      comment: 'What else it imported could bring in time or chance that no seed controls.',
      severity: 'error',
      from: { path: '^transport-sim/' },
      to: { pathNot: ['^transport-sim/', '^core/', packagePath('seedrandom')] },
    },
    {
      name: 'transport-tls-imports-core',
      comment: 'The production side knows neither the simulator nor the scenarios.',
      severity: 'error',
      from: { path: '^transport-tls/' },
      to: { path: '^(transport-sim|scenarios|mutants|cli|test|bench|examples)/' },
    },
    {
      name: 'scenarios-import-core-and-transports',
      comment: 'Scenarios are a library: they know nothing of the command line, tests or benchmarks.',
      severity: 'error',
      from: { path: '^scenarios/' },
      to: { path: '^(mutants|cli|test|bench|examples)/' },
    },
    {
      name: 'mutants-import-scenarios',
      comment: 'Planted bugs are text; what they are planted into is read from files and bundled.',
      severity: 'error',
      from: { path: '^mutants/' },
      to: { path: '^(core|transport-sim|transport-tls|cli|test|bench|examples)/' },
    },
    {
      name: 'cli-imports-scenarios-and-transport-tls',
      comment: 'The command line parses and prints; what it needs of the rest, those two hand through.',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^(core|transport-sim|test|bench|examples)/' },
    },
    {
      name: 'only-through-index',
      comment: 'Across folders import index.ts; inside a folder the specific file.',
      severity: 'error',
      from: { path: '^([^/]+)/', pathNot: '^(test|bench)/' },
      to: { path: layers, pathNot: ['^$1/', '^[^/]+/index\\.ts$'] },
    },
    {
      name: 'no-index-from-inside',
      comment: 'Inside a folder import the specific file; its own index.ts would make everything depend on everything.',
      severity: 'error',
      from: { path: '^(core|transport-sim|transport-tls|scenarios|mutants|cli)/' },
      to: { path: '^$1/index\\.ts$' },
    },
    ...Object.entries(packages).map(([name, folders]) => ({
      name: `${name}-only-in-${folders.join('-and-')}`,
      severity: 'error',
      from: { pathNot: `^(${[...folders, 'test', 'bench'].join('|')})/` },
      to: { path: packagePath(name) },
    })),
    {
      name: 'only-listed-packages',
      comment: 'A package that production code imports is listed in .dependency-cruiser.cjs, with its folders.',
      severity: 'error',
      from: { path: layers, pathNot: '^scenarios/vitest\\.ts$' },
      to: { path: 'node_modules/', pathNot: [anyPackage, 'node_modules/@types/node/'] },
    },
    {
      name: 'only-declared-packages',
      comment:
        'It works by accident of another package, or nowhere: npm install it, or mend the path. ' +
        '(An optional peer is declared three times, and dependency-cruiser does not know peerDependenciesMeta.)',
      severity: 'error',
      from: { pathNot: '^(bench|examples)/' },
      to: {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
        pathNot: packagePath('vitest'),
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
