import { pageHref } from './route.ts'

interface TabsProps {
  /** For those who hear it: "Views of alarms". */
  readonly label: string
  /** Name of the page. */
  readonly page: string
  readonly tabs: readonly { readonly path: string; readonly title: string }[]
  /** The path that is shown. */
  readonly path: string
}

/** The views of a page, each with an address of its own. */
export function Tabs({ label, page, tabs, path }: TabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.path} href={pageHref(page, tab.path)} aria-current={path === tab.path ? 'page' : undefined}>
          {tab.title}
        </a>
      ))}
    </nav>
  )
}
