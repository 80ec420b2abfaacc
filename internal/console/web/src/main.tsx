import { render } from 'preact'
import { App } from './app'
import { resume } from './hub/client'
import './style.css'

render(<App />, document.body)
void resume()
