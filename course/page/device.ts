/** What the blocks of a page compute on, said at its head. */
import type { Backend } from '../protocol.js'
import { element } from './output.js'

/** The adapter's name as the browser tells it; undefined where there is none. */
const adapterName = async (): Promise<string | undefined> => {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) return undefined
  const { device, description, vendor, architecture } = adapter.info
  return device || description || `${vendor} ${architecture}`.trim() || 'unnamed'
}

const CURE =
  'open it in Chrome or Edge 113, Safari 26, Firefox 141 or newer, over https, on localhost or as a file, ' +
  'with graphics acceleration on'

/** Says what there is, and gives what the reader has chosen. */
export const showDevice = async (line: HTMLElement): Promise<() => Backend> => {
  let backend: Backend = 'gpu'
  const name = await adapterName().catch(() => undefined)
  line.hidden = false
  if (name !== undefined) {
    line.append('Blocks that open a GPU compute on yours: ', element('strong', '', name), '.')
    return () => backend
  }
  const box = document.createElement('input')
  box.type = 'checkbox'
  box.addEventListener('change', () => {
    backend = box.checked ? 'reference' : 'gpu'
  })
  line.classList.add('without')
  line.append(
    `This browser offers no WebGPU adapter, so blocks that open a GPU will fail here; to run them on one, ${CURE}. `,
    element('label', '', box, ' Compute on the float64 reference instead: slow, and without kernels')
  )
  return () => backend
}
