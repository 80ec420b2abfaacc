import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { t } from '../words'

/** Dialog is modal: the browser keeps the focus inside, and Escape leaves it. */
export function Dialog(props: { title: string; lead?: string; leave: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null)
  const title = useId()
  useEffect(() => {
    const before = document.activeElement
    ref.current?.showModal()
    return () => before instanceof HTMLElement && before.focus()
  }, [])
  return (
    <dialog ref={ref} aria-labelledby={title} onClose={props.leave}>
      <header>
        <h2 id={title}>{props.title}</h2>
        <button type="button" class="quiet" onClick={props.leave}>
          {t('close')}
        </button>
      </header>
      {props.lead && <p class="lead">{props.lead}</p>}
      {props.children}
    </dialog>
  )
}
