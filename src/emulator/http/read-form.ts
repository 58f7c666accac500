/**
 * The fields of a form body, URL-encoded or multipart; none of any other body.
 *
 * @param type - media type of the body
 * @param contentType - the same with its parameters
 */
export function readForm(type: string, contentType: string, body: string): URLSearchParams {
  switch (type) {
    case 'application/x-www-form-urlencoded':
      return new URLSearchParams(body);
    case 'multipart/form-data':
      return readMultipart(contentType, body);
    default:
      return new URLSearchParams();
  }
}

/** RFC 7578, as far as text goes: files are left out. */
function readMultipart(contentType: string, body: string): URLSearchParams {
  const fields = new URLSearchParams();
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)?.slice(1).join('');
  if (boundary === undefined) return fields;
  // Before the first delimiter and behind the last there is nothing of interest.
  for (const part of `\r\n${body}`.split(`\r\n--${boundary}`).slice(1, -1)) {
    const headEnd = part.indexOf('\r\n\r\n');
    const disposition = /^content-disposition:(.*)$/im.exec(part.slice(0, headEnd))?.[1] ?? '';
    const name = /;\s*name="([^"]*)"/i.exec(disposition)?.[1];
    if (headEnd < 0 || name === undefined || /;\s*filename\*?=/i.test(disposition)) continue;
    fields.append(name, part.slice(headEnd + '\r\n\r\n'.length));
  }
  return fields;
}
