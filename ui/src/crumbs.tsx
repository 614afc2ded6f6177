import { placeHref } from './route.ts'

/** Where we are, each level a link. */
export function Crumbs({ path }: { readonly path: string }) {
  const names = path === '' ? [] : path.split('/')
  return (
    <nav class="crumbs" aria-label="Place">
      <ol>
        <li>
          <a href={placeHref('')}>Overview</a>
        </li>
        {names.slice(0, -1).map((name, index) => (
          <li key={index}>
            <a href={placeHref(names.slice(0, index + 1).join('/'))}>{name}</a>
          </li>
        ))}
      </ol>
    </nav>
  )
}
