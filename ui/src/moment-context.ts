import { createContext } from 'preact'

/** The moment of the past that the page shows, ms since the epoch; undefined: the present. */
export const Moment = createContext<number | undefined>(undefined)
