/** The package ships no types; these are the two calls the lock needs. */
declare module 'fs-native-extensions' {
  /**
   * Takes a lock on the whole open file, exclusive unless `shared`; false when another open file holds one that excludes it.
   * A shared lock needs no right to write.
   */
  export function tryLock(fd: number, options?: { readonly shared?: boolean }): boolean;
  export function unlock(fd: number): void;
}
