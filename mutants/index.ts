/** Planted bugs and the search for them: everything that other folders may import from here. */
export { faultClassNames, type FaultClassName } from './ablation.js';
export { knownBugs, ownBugs } from './catalogue/index.js';
export { findAll, type Finding, type FindingOptions, type FindingProgress, type Findings } from './findings.js';
export { loadScenarios, type Scenarios } from './load-scenarios.js';
export { idOf, type Mutant, type MutantEdit, type Symptom } from './mutant.js';
export { search, type Discovery, type SearchOptions, type SearchResult } from './search.js';
