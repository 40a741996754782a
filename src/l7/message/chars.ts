/** Letters and digits: what is the same in a field's name and in the variable that CGI servers make of it. */
export const ALNUM = new Uint8Array(256)
for (let c = 48; c < 58; c++) ALNUM[c] = 1
for (let c = 65; c < 91; c++) ALNUM[c] = ALNUM[c + 32] = 1

/** RFC 9110 §5.5: visible characters, space, tab and obs-text; no other controls, no DEL. */
export const FIELD_VALUE = new Uint8Array(256).fill(1, 32)
FIELD_VALUE[9] = 1
FIELD_VALUE[127] = 0

/**
 * What may stand in a request-target: visible ASCII but `#` (servers differ on fragments). RFC 3986 allows fewer;
 * browsers send `|`, `^`, `{}` and quotes in queries.
 */
export const TARGET = new Uint8Array(256).fill(1, 33, 127)
TARGET[35] = 0

export const HEX = new Int8Array(256).fill(-1)
for (let i = 0; i < 10; i++) HEX[48 + i] = i
for (let i = 0; i < 6; i++) HEX[65 + i] = HEX[97 + i] = 10 + i
