import { useEffect, useState } from 'preact/hooks'
import type { Store } from './store.ts'
import { parseRoute, type Route } from './route.ts'

/** Draws a component again whenever the store changed. */
export function useStore(store: Store): void {
  const [, draw] = useState(0)
  useEffect(() => store.subscribe(() => draw((count) => count + 1)), [store])
}

/** Draws a component again every second, for what ages. */
export function useSeconds(): void {
  const [, draw] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 1000)
    return () => clearInterval(timer)
  }, [])
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = () => setHash(location.hash)
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return parseRoute(hash)
}

export function useMedia(query: string): boolean {
  const [fits, setFits] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const media = matchMedia(query)
    const follow = () => setFits(media.matches)
    media.addEventListener('change', follow)
    return () => media.removeEventListener('change', follow)
  }, [query])
  return fits
}
