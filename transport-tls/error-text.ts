/** What an application has thrown, as text: it may be anything, also something that throws when it is shown. */
export function errorText(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that cannot be shown as text';
  }
}
