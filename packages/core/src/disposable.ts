/**
 * A value that owns what a stack holds: disposing of it disposes of the stack's resources, once. The stack is left empty,
 * so that an `await using` around the making of the value cleans up only where that fails.
 *
 *     await using stack = new AsyncDisposableStack();
 *     const lock = stack.use(await takeLock(path));
 *     return disposableWith({ path: lock.path }, stack);
 */
export function disposableWith<T extends object>(value: T, stack: AsyncDisposableStack): T & AsyncDisposable {
  const owned = stack.move();
  return { ...value, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
