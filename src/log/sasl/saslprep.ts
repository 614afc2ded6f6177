/** Tables of RFC 3454 as RFC 4013 uses them. Unassigned code points pass: as stored strings they may. */
const SPACES = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu
const NOTHING = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/gu
const PROHIBITED = new RegExp(
  '[' +
    '\\u0000-\\u001F\\u007F-\\u009F' + // control characters: C.2.1, C.2.2
    '\\u06DD\\u070F\\u180E\\u2028\\u2029\\u2061-\\u2063\\u{1D173}-\\u{1D17A}' + // the rest of C.2.2
    '\\p{Co}\\p{Noncharacter_Code_Point}\\p{Cs}' + // private use, noncharacters, surrogates: C.3 to C.5
    '\\uFFF9-\\uFFFD\\u2FF0-\\u2FFB' + // not for plain text, not canonical: C.6, C.7
    '\\u0340\\u0341\\u200E\\u200F\\u202A-\\u202E\\u206A-\\u206F' + // changes the display: C.8
    '\\u{E0001}\\u{E0020}-\\u{E007F}' + // tags: C.9
    ']',
  'u',
)
const RIGHT_TO_LEFT = '[\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Thaana}]'
const HAS_RIGHT_TO_LEFT = new RegExp(RIGHT_TO_LEFT, 'u')
const ALL_RIGHT_TO_LEFT = new RegExp(`^${RIGHT_TO_LEFT}(.*${RIGHT_TO_LEFT})?$`, 'su')
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}]/u

/** A name or password in the form that is compared (SASLprep, RFC 4013); undefined where it is prohibited. */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replaceAll(SPACES, ' ').replaceAll(NOTHING, '').normalize('NFKC')
  if (PROHIBITED.test(prepared)) return undefined
  return directionIsPlain(prepared) ? prepared : undefined
}

/** RFC 3454 section 6: text from right to left begins and ends so, and has no letters of the other direction. */
function directionIsPlain(text: string): boolean {
  return !HAS_RIGHT_TO_LEFT.test(text) || (!LEFT_TO_RIGHT.test(text) && ALL_RIGHT_TO_LEFT.test(text))
}
