/** An editor of code. Tab leaves it, as everywhere in a page; Ctrl or Cmd and Enter run what it holds. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { typescriptLanguage } from '@codemirror/lang-javascript'
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { EditorState, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view'
import { classHighlighter } from '@lezer/highlight'

export interface Editor {
  readonly text: () => string
  readonly setText: (text: string) => void
  /** Marks the line that failed, counted from 1; none. */
  readonly mark: (line: number | null) => void
  readonly focus: () => void
}

export interface EditorOptions {
  readonly label: string
  readonly text: string
  /** Its text is another. */
  readonly changed: () => void
  readonly run: () => void
}

const mark = StateEffect.define<number | null>()
const failed = Decoration.line({ class: 'failed' })

/** The marked line, until the text changes. */
const marked = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (now, { docChanged, effects, state }) => {
    const asked = effects.find(effect => effect.is(mark))
    if (!asked) return docChanged ? Decoration.none : now
    const line: number | null = asked.value
    if (line === null || line < 1 || line > state.doc.lines) return Decoration.none
    return Decoration.set([failed.range(state.doc.line(line).from)])
  },
  provide: field => EditorView.decorations.from(field)
})

/** Puts an editor in the place of what `parent` holds. */
export const editorIn = (parent: HTMLElement, { label, text, changed, run }: EditorOptions): Editor => {
  const asRun = (): boolean => {
    run()
    return true
  }
  const state = EditorState.create({
    doc: text,
    extensions: [
      keymap.of([
        { key: 'Mod-Enter', run: asRun },
        { key: 'Shift-Enter', run: asRun },
        ...defaultKeymap,
        ...historyKeymap
      ]),
      lineNumbers(),
      history(),
      drawSelection(),
      bracketMatching(),
      indentOnInput(),
      indentUnit.of('  '),
      typescriptLanguage,
      syntaxHighlighting(classHighlighter),
      marked,
      EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', spellcheck: 'false' }),
      EditorView.updateListener.of(({ docChanged }) => {
        if (docChanged) changed()
      })
    ]
  })
  parent.replaceChildren()
  const view = new EditorView({ state, parent })
  return {
    text: () => view.state.doc.toString(),
    setText: insert => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert } }),
    mark: line => view.dispatch({ effects: mark.of(line) }),
    focus: () => view.focus()
  }
}
