import { render } from 'preact'
import { App } from './app.tsx'
import { Connection } from './connection.ts'
import { Store } from './store.ts'

const store = new Store()
const connection = new Connection(store)
void connection.start()
render(<App store={store} connection={connection} />, document.getElementById('app')!)
