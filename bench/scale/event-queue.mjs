/** What is to happen, in the order of its time: a binary heap. */
export class EventQueue {
  /** @type {{ at: number, order: number, run: () => void }[]} */
  #heap = [];
  #added = 0;
  now = 0;

  /** Runs `run` at `at`; of several at one time, the first added first. */
  add(/** @type {number} */ at, /** @type {() => void} */ run) {
    const heap = this.#heap;
    let index = heap.length;
    heap.push({ at: Math.max(at, this.now), order: this.#added++, run });
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!this.#isBefore(index, above)) break;
      [heap[index], heap[above]] = [heap[above], heap[index]];
      index = above;
    }
  }

  /** Runs everything until the end of time. */
  runUntil(/** @type {number} */ end) {
    while (this.#heap.length > 0 && this.#heap[0].at <= end) {
      const { at, run } = this.#takeFirst();
      this.now = at;
      run();
    }
    this.now = end;
  }

  #takeFirst() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ; ) {
      let least = index;
      for (const below of [2 * index + 1, 2 * index + 2])
        if (below < heap.length && this.#isBefore(below, least)) least = below;
      if (least === index) return first;
      [heap[index], heap[least]] = [heap[least], heap[index]];
      index = least;
    }
  }

  #isBefore(/** @type {number} */ one, /** @type {number} */ other) {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }
}
