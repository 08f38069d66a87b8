/**
 * Lint rules: what the compiler does not see.
 *
 * - Every rule is an error; there are no warnings to get used to.
 * - Layout is prettier's, the direction of imports is dependency-cruiser's, unused code is the compiler's and knip's.
 * - Whoever needs an exception disables the rule on that line and says why.
 */
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Folders that must run alike in the simulator on every machine: nothing in them may come from outside. */
const pure = ['core/**/*.ts', 'transport-sim/**/*.ts'];

/** Globals that bring in time, chance, the machine, or an order that nobody seeded. */
const impureGlobals = {
  Date: 'Time is an argument: take it from the Clock port.',
  performance: 'Time is an argument: take it from the Clock port.',
  setTimeout: 'Wake-ups come from the Clock port.',
  setInterval: 'Wake-ups come from the Clock port.',
  setImmediate: 'Wake-ups come from the Clock port.',
  clearTimeout: 'Wake-ups come from the Clock port.',
  clearInterval: 'Wake-ups come from the Clock port.',
  clearImmediate: 'Wake-ups come from the Clock port.',
  queueMicrotask: 'The microtask queue would decide the order; use callbacks of the ports.',
  Promise: 'A promise would decide the order; use callbacks of the ports.',
  crypto: 'Chance comes from the Random port, hashes from the Digests port.',
  process: 'The core knows no process; pass what is needed.',
  console: 'Events for people go to the Logger port.',
  Buffer: 'Bytes are Uint8Array.',
  TextEncoder: 'Not part of the language; names are ASCII and payloads are bytes.',
  TextDecoder: 'Not part of the language; names are ASCII and payloads are bytes.',
  fetch: 'The network is the Links port.',
  globalThis: 'There is no way around the ports.',
  global: 'There is no way around the ports.',
  Intl: 'Depends on the locale of the machine.',
  WeakRef: 'Depends on when garbage is collected.',
  FinalizationRegistry: 'Depends on when garbage is collected.',
};

/** Functions of Math whose last digit differs between engines and processors (ECMA-262, 21.3.2). */
const inexactMath = [
  ...['acos', 'acosh', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'cbrt', 'cos', 'cosh', 'exp', 'expm1', 'hypot'],
  ...['log', 'log10', 'log1p', 'log2', 'pow', 'sin', 'sinh', 'tan', 'tanh'],
];

/** Syntax nobody wants, anywhere. A block that sets `no-restricted-syntax` again must repeat it. */
const refusedSyntax = [
  { selector: 'ForInStatement', message: 'for...in also walks inherited keys; use Object.keys or Object.entries.' },
  {
    selector:
      ':matches(PropertyDefinition, MethodDefinition[kind!="constructor"]):matches([accessibility="private"], [accessibility="public"])',
    message: 'Use #name for private members, and no modifier for public ones.',
  },
];

const impureSyntax = [
  { selector: ':matches(FunctionDeclaration, FunctionExpression, ArrowFunctionExpression)[async=true]' },
  { selector: 'AwaitExpression' },
  { selector: 'ForOfStatement[await=true]' },
].map(({ selector }) => ({ selector, message: 'Everything here is synchronous; use callbacks of the ports.' }));

const localeSyntax = {
  selector: 'MemberExpression > Identifier.property[name=/^(localeCompare|toLocale.*)$/]',
  message: 'Depends on the locale of the machine; compareNames orders by bytes.',
};

const focusedTest = {
  selector: 'MemberExpression[object.name=/^(test|it|describe)$/] > Identifier.property[name=/^(only|skip|todo)$/]',
  message: 'Only for the moment: a test that cannot run here uses skipIf, which names the reason.',
};

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'runs/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'no-constant-binary-expression': 'error',
      'no-empty': 'error',
      'no-fallthrough': 'error',
      'no-loss-of-precision': 'error',
      'no-self-compare': 'error',
      'no-sparse-arrays': 'error',
      'no-template-curly-in-string': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-unreachable-loop': 'error',
      'no-unsafe-finally': 'error',
      'no-useless-assignment': 'error',
      'no-useless-rename': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'no-restricted-syntax': ['error', ...refusedSyntax],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': 'error',
      '@typescript-eslint/consistent-type-exports': ['error', { fixMixedExportsWithInlineTypeSpecifier: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/prefer-nullish-coalescing': 'error',
      '@typescript-eslint/prefer-optional-chain': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
      // Without `default`, every case is named; `default: unreachable(value)` makes the compiler say the same.
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { requireDefaultForNonUnion: true, considerDefaultExhaustiveForUnions: true },
      ],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],

      // Numbers and booleans print as everybody expects.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `() => close()` and `case 'bye': return this.close();` read well, although close returns nothing.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // There are no enums (`erasableSyntaxOnly`), and classes with #private members are nominal: costly rules for nothing.
      '@typescript-eslint/no-mixed-enums': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      // The compiler reports unused names.
      '@typescript-eslint/no-unused-vars': 'off',
      // A type parameter used once often documents what comes back.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // An implementation of an asynchronous interface may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    // A library speaks through return values, errors and the Logger port.
    files: ['transport-tls/**/*.ts', 'scenarios/**/*.ts', 'mutants/**/*.ts'],
    rules: { 'no-console': 'error' },
  },
  {
    // One script in a page that shows what others wrote: nothing of that may become markup or code.
    files: ['scenarios/report/browser/*.js'],
    languageOptions: { sourceType: 'script' },
    rules: {
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-restricted-globals': ['error', 'fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource', 'localStorage'],
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write', 'setHTMLUnsafe'].map((property) => ({
          property,
          message: 'Text of others would become markup: use textContent and setAttribute.',
        })),
      ],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: pure,
    rules: {
      'no-restricted-globals': [
        'error',
        ...Object.entries(impureGlobals).map(([name, message]) => ({ name, message })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Chance comes from the Random port.' },
        ...inexactMath.map((property) => ({ object: 'Math', property, message: 'Differs between platforms.' })),
      ],
      'no-restricted-syntax': ['error', ...refusedSyntax, ...impureSyntax, localeSyntax],
    },
  },
  {
    files: ['core/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: '^[^.]', message: 'The core imports only itself.' }] }],
    },
  },
  {
    files: ['transport-sim/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!\\.|seedrandom$)', message: 'The simulation imports the core and seedrandom.' }] },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A describe block is as long as the claims it groups.
      'max-lines-per-function': 'off',
      'no-restricted-syntax': ['error', ...refusedSyntax, focusedTest],
      // Tests hand wrong values to functions on purpose, and fakes may do nothing.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
