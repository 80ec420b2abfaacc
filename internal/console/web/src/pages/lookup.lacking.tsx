import banks from 'hub:banks'
import platforms from 'hub:platforms'
import { chains, paymentKinds, wallets, type Need } from '../indicator/recognise'
import { known, t, type Word } from '../words'
import { lacking, need } from './lookup.state'

const labels: Record<Need, Word> = {
  bank: 'which_bank',
  platform: 'which_platform',
  payment: 'which_kind',
  chain: 'which_chain',
}

const options = (what: Need): [value: string, label: string][] => {
  switch (what) {
    case 'bank':
      return banks.map(({ bic, name }) => [bic, name])
    case 'platform':
      return platforms.map(({ name }) => [name, name[0]!.toUpperCase() + name.slice(1)])
    case 'chain':
      return chains.map((chain) => [chain, chain.toUpperCase()])
    case 'payment':
      return [
        ...paymentKinds.map((kind): [string, string] => [kind, known(`payment_${kind}`)]),
        ...Object.entries(wallets).map(([id, name]): [string, string] => [id, t('payment_wallet', { name })]),
      ]
  }
}

/** Lacking asks for what a value does not tell by itself: an account's bank, a name's platform. */
export function Lacking() {
  const what = need.value
  if (!what) return null
  return (
    <div class="lacking">
      <label for="lacking">{t(labels[what])}</label>
      <select
        id="lacking"
        value={lacking.value}
        aria-describedby={what === 'bank' ? 'lacking-hint' : undefined}
        onChange={(event) => (lacking.value = event.currentTarget.value)}
      >
        <option value="">{t(what === 'bank' ? 'bank_unknown' : 'choose')}</option>
        {options(what).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      {what === 'bank' && !lacking.value && (
        <p class="hint" id="lacking-hint">
          {t('bank_unknown_hint')}
        </p>
      )}
    </div>
  )
}
