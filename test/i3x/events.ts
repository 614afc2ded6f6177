/** The data of server-sent events, one by one; ends when the stream ends, and throws where it breaks. */
export async function* readEvents(answer: Response): AsyncGenerator<unknown, undefined> {
  let text = ''
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = text
        .slice(0, end)
        .split('\n')
        .filter((line) => line.startsWith('data: '))
      text = text.slice(end + 2)
      if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(6)).join('\n'))
    }
  }
  return undefined
}
