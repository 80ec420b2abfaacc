// recognise guesses, as one types, what a value is. The hub decides: this only saves the reader a choice.
//
//	"012-345 6789"  ──▶ phone, bank_account          "514012345678" ──▶ bank_account (which bank?), payment_id
//
// What a value lacks to be asked about (its bank, its platform) is a need; compose puts it together.
import banks from 'hub:banks'
import platforms from 'hub:platforms'
import type { IndicatorType } from '../hub/client'

export type Need = 'bank' | 'platform' | 'payment' | 'chain'
export type Guess = { type: IndicatorType; need?: Need }

export const allTypes: IndicatorType[] = [
  'bank_account',
  'payment_id',
  'phone',
  'url',
  'domain',
  'email',
  'crypto_address',
  'social_account',
]

export const paymentKinds = ['mobile', 'nric', 'passport', 'army', 'business']
export const wallets: Record<string, string> = {
  tng: 'Touch ’n Go',
  boost: 'Boost',
  grabpay: 'GrabPay',
  shopeepay: 'ShopeePay',
  bigpay: 'BigPay',
  setel: 'Setel',
  merchantrade: 'Merchantrade',
  fasspay: 'FassPay',
  finexus: 'Finexus',
  lazada: 'Lazada Wallet',
  kiplepay: 'kiplePay',
  unipin: 'UniPin',
  wavpay: 'WavPay',
  wechatpay: 'WeChat Pay',
  alipay: 'Alipay',
}
export const chains = ['btc', 'evm', 'tron', 'sol', 'ltc', 'doge', 'dash', 'xrp', 'ton']

/** fold leaves of a name what tells it from others: "PUBLIC BANK (M) BHD." is "Public Bank". */
const fold = (text: string): string =>
  (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{Nd}]+/gu) ?? []
  )
    .filter((word) => !/^(berhad|bhd|malaysia|m|sdn|the)$/.test(word))
    .join('')

/** asciiDigit is the same digit of any script: those of a script stand in a row from zero to nine. */
function asciiDigit(digit: string): string {
  let value = 0
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(digit.codePointAt(0)! - value - 1))) value++
  return String(value)
}

/** clean drops what nobody sees and writes every digit as 0 to 9. */
const clean = (raw: string): string =>
  raw
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[^\x00-\x7f]/gu, (it) => (/\p{Nd}/u.test(it) ? asciiDigit(it) : it))
    .trim()

const bankNames = new Set(banks.flatMap(({ bic, name, aliases }) => [bic, name, ...aliases].map(fold)))
const platformNames = new Set(platforms.flatMap(({ name, aliases }) => [name, ...aliases].map(fold)))
const platformHosts = platforms.flatMap(({ hosts }) => hosts)
const chainNames =
  /^(btc|bitcoin|xbt|ltc|litecoin|doge|dogecoin|dash|tron|trx|(usdt-?)?trc-?20|xrp|ripple|xrpl|evm|eth|ethereum|(usdt-?)?erc-?20|bsc|bnb|bep-?20|polygon|matic|arbitrum|optimism|base|avax|avalanche|fantom|etc|ton|toncoin|sol|solana|spl)$/i
const paymentNames =
  /^(duitnow|mobile|phone|hp|handphone|nric|ic|mykad|passport|pasport|army|police|military|business|brn|ssm|ro[cb])$/
const walletNames =
  /^(tng|touchngo|tngd|boost|bostmynb|grab|shopeepay|spay|arpymynb|bigpay|bgpymynb|setel|svsbmynb|merchantrade|masbmynb|fasspay|fspymynb|finexus|fnxsmynb|lazada|kiple|unipin|wavpay|wechatpay|alipay)/

/** refang undoes what people do to addresses so that nobody clicks on them. */
const refang = (text: string): string =>
  text
    .replace(/^h[x*]{2}p/i, 'http')
    .replace(/\[:\/\/\]|\[:\]\/\//g, '://')
    .replace(/[[({]\s*(?:\.|dot)\s*[\])}]|[。．｡]/gi, '.')
    .replace(/\[\.|\.\]/g, '.')
    .replace(/[[({]\s*(?:@|at)\s*[\])}]/gi, '@')

/** recognise lists what the text may be, the likeliest first; nothing where it cannot tell. */
export function recognise(raw: string): Guess[] {
  const text = clean(raw)
  if (!text) return []
  const guesses: Guess[] = []
  const add = (type: IndicatorType, need?: Need) => {
    if (!guesses.some((guess) => guess.type === type)) guesses.push(need ? { type, need } : { type })
  }
  const plain = refang(text)
  named(text, add)
  crypto(text, add)
  if (/^https?:|^[a-z][a-z0-9+.-]*:\/\//i.test(plain)) address(plain, add)
  else if (/^mailto:/i.test(plain) || /^<?[^\s@:/]+@[^\s@/]+\.[^\s@/]+>?$/.test(plain)) add('email')
  else numbers(text, add)
  if (guesses.length === 0 && /^@[\p{L}\p{Nd}._-]{2,}$/u.test(text)) add('social_account', 'platform')
  if (guesses.length === 0 && /^[^\s@]+$/.test(plain)) {
    if ((/[/?#]|:\d+$/.test(plain) && /[.\[]/.test(plain)) || /^[a-z][a-z0-9-]*:\d{2,5}$/i.test(plain))
      address(plain, add)
    else if (/^(\*\.)?[^./:]+(\.[^./:]+)*\.[^./:\d][^./:]*\.?$/.test(plain)) {
      add('domain')
      if (!plain.startsWith('*')) add('url')
    } else if (/^\d{1,3}(\.\d{1,3}){3}$/.test(plain) || /^\[?[0-9a-f:]*:[0-9a-f:]*\]?$/i.test(plain)) add('url')
  }
  return guesses
}

type Add = (type: IndicatorType, need?: Need) => void

/** named recognises "<bank>:<number>", "<platform>:@name", "tng:…", "btc:…" and the hub's own spellings. */
function named(text: string, add: Add): void {
  if (/^MY\/[A-Z0-9*]+\/\d+$/.test(text)) return add('bank_account')
  const [, name = '', value = ''] =
    text.match(/^([^:/]*\p{L}[^:/]*|\d{4})[:/](.+)$/u) ??
    text.match(/^(.*\p{L}.*?)\s+(\p{Nd}[\p{Nd}\p{Pd}\s.]*)$/u) ??
    []
  if (!name || value.startsWith('//')) return
  const key = fold(name)
  const separated = /[:/]/.test(text)
  if (bankNames.has(key) && /^[\s\p{Nd}\p{Pd}.]+$/u.test(value)) add('bank_account')
  else if (/^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$/i.test(name.trim()) && /^[\s\p{Nd}\p{Pd}.]+$/u.test(value))
    add('bank_account')
  if (!separated) return
  if (paymentNames.test(key) || walletNames.test(key)) add('payment_id')
  if (chainNames.test(name.trim())) add('crypto_address')
  if (platformNames.has(key) && !name.includes('.')) add('social_account')
}

function crypto(text: string, add: Add): void {
  if (/^0x[0-9a-f]{40}$/i.test(text)) add('crypto_address')
  else if (/^(bc1|ltc1)[a-z0-9]{8,87}$/i.test(text)) add('crypto_address')
  else if (/^(-1|0):[0-9a-f]{64}$/i.test(text)) add('crypto_address')
  else if (/^[\w+/-]{48}$/.test(text) && /^[EUk0]Q|^[EU][fw]/.test(text)) add('crypto_address')
  else if (/^[13LMDAX9Tr][1-9A-HJ-NP-Za-km-z]{24,34}$/.test(text) && /[A-Za-z]/.test(text.slice(1)))
    add('crypto_address')
  else if (/^[1-9A-HJ-NP-Za-km-z]{43,44}$/.test(text)) add('crypto_address', 'chain')
}

/** address tells a profile on a known platform from any other address. */
function address(plain: string, add: Add): void {
  const host = (plain.match(/^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/@]*@)?([^/:?#]+)/i)?.[1] ?? '')
    .toLowerCase()
    .replace(/^(www|m|mobile)\./, '')
  const path = plain.replace(/^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/]*/i, '')
  if (platformHosts.includes(host) && path.length > 1) add('social_account')
  add('url')
}

function numbers(text: string, add: Add): void {
  const bare = text.replace(/^tel:/i, '').replace(/\s*(?:ext\.?|x|samb\.?|#)\s*\d{1,6}$/i, '')
  if (!/^[+＋(]?[\p{Nd}][\p{Nd}\s\p{Pd}().]*$/u.test(bare)) return
  const digits = bare.replace(/[^\p{Nd}]/gu, '')
  const phone = /^[+＋]|^\(?0|^60/.test(bare) && digits.length >= 8 && digits.length <= 15
  const grouped = /^\d{6}-\d{2}-\d{4}$/.test(bare)
  const identity = /^\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{6}$/.test(digits)
  if (/\p{Nd}\.\p{Nd}+\.\p{Nd}+\./u.test(bare)) return
  if (grouped && identity) add('payment_id', 'payment')
  if (phone) add('phone')
  if (digits.length >= 5 && digits.length <= 20 && !/[+＋]/.test(bare)) add('bank_account', 'bank')
  if (identity) add('payment_id', 'payment')
}

/** compose is what is sent to the hub: the value, with what it lacked. */
export function compose(raw: string, need: Need | undefined, choice: string): string {
  const text = raw.trim()
  return need && choice && choice !== '-' ? `${choice}:${text.replace(/^@/, need === 'platform' ? '@' : '')}` : text
}
