/** Waits until the condition holds; fails after `withinMs`. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`After ${withinMs} ms, this still fails: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
