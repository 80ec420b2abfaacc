// What build.mjs makes of the hub's own tables.
declare module 'hub:banks' {
  const banks: { bic: string; name: string; aliases: string[] }[]
  export default banks
}
declare module 'hub:platforms' {
  const platforms: { name: string; aliases: string[]; hosts: string[] }[]
  export default platforms
}
declare module 'hub:category' {
  const terms: { name: string; parent?: string; en: string; ms: string }[]
  export default terms
}
declare module 'hub:institution' {
  const terms: { name: string; parent?: string; en: string; ms: string }[]
  export default terms
}
declare module 'hub:platform' {
  const terms: { name: string; parent?: string; en: string; ms: string }[]
  export default terms
}
declare module 'hub:region' {
  const terms: { name: string; parent?: string; en: string; ms: string }[]
  export default terms
}
declare module 'hub:platform' {
  const terms: { name: string; parent?: string; en: string; ms: string }[]
  export default terms
}
declare module 'hub:reason' {
  const terms: { name: string; parent?: string; en: string; ms: string }[]
  export default terms
}
declare module 'hub:investigator' {
  const terms: { name: string; parent?: string; en: string; ms: string }[]
  export default terms
}
declare module '*.css'
