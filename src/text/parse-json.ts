// No real response is nested deeper; serializing one again, into a session say, would overflow the stack.
const maxDepth = 100;

/**
 * Parses untrusted JSON.
 *
 * @throws SyntaxError if the text is not JSON, or is nested too deeply
 */
export function parseJSON(text: string): unknown {
  if (opensDeeply(text) && depthOf(text) > maxDepth) throw new SyntaxError('nested too deeply');
  return JSON.parse(text);
}

/** True if the text has enough brackets at all: a quick check that almost every text fails. */
function opensDeeply(text: string): boolean {
  return text.split('{').length + text.split('[').length - 2 > maxDepth;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (isInString) {
      if (letter === '\\') at++;
      else if (letter === '"') isInString = false;
    } else if (letter === '"') isInString = true;
    else if (letter === '{' || letter === '[') deepest = Math.max(deepest, ++depth);
    else if (letter === '}' || letter === ']') depth--;
  }
  return deepest;
}
