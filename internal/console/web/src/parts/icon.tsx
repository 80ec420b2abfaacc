// Drawn on a grid of 20, in the colour of the text around them. They say nothing that words don't.
const shapes = {
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM13 13l4 4',
  trends: 'M3 16.5h14M3.5 12.5 8 8l3 3 5.5-6M12.5 5h4v4',
  reports: 'M5 2.8h7l3.2 3.2v11.2H5ZM7.5 9h5M7.5 12h5',
  partners:
    'M7 8.8a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2ZM2.5 16c.4-3 2-4.6 4.5-4.6S11.100 13 11.500 16M13.500 9a2.200 2.200 0 1 0-.6-4.300M13.500 11.500c2.300 0 3.700 1.500 4 4',
  feed: 'M3.500 10h2.500l2-5 3.500 10 2-5h3',
  leave: 'M8 3.500H4v13h4M12 6.500 15.500 10 12 13.500M15.500 10H8',
  sun: 'M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7ZM10 1.500v2M10 16.500v2M1.500 10h2M16.500 10h2M4 4l1.400 1.400M14.600 14.600 16 16M4 16l1.400-1.400M14.600 5.400 16 4',
  moon: 'M16.500 12A7 7 0 0 1 8 3.500 7 7 0 1 0 16.500 12Z',
  device: 'M3 4h14v9H3ZM7 16.500h6M10 13v3.500',
  confirmed:
    'M6.800 2.500h6.400l4.300 4.300v6.400l-4.300 4.300H6.800l-4.300-4.300V6.800ZM7.200 7.200l5.600 5.600M12.800 7.200l-5.600 5.600',
  suspected: 'M10 3 18 16.800H2ZM10 8v4M10 14v.600',
  disputed: 'M10 3v14M5 17h10M3.500 6.500h13M3.500 6.500 1.500 11h4ZM16.500 6.500l-2 4.500h4Z',
  cleared:
    'M10 2.500 16.500 5v5c0 4-2.800 6.300-6.500 7.500-3.700-1.200-6.500-3.500-6.500-7.500V5ZM7 10l2.200 2.200L13.200 8',
  not_listed: 'M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15ZM6.500 10h7',
  unsure:
    'M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15ZM7.800 7.800c.2-1.300 1.100-2 2.300-2 1.300 0 2.300.8 2.300 2 0 1.800-2.300 1.900-2.300 3.700M10.100 13.800v.6',
  check: 'M4 10.500 8 14.500 16 5.500',
  dots: 'M5 10h.01M10 10h.01M15 10h.01',
  download: 'M10 3v9M6.500 8.800 10 12.300l3.500-3.500M3.500 16.500h13',
  cross: 'M5.500 5.500l9 9M14.500 5.500l-9 9',
  emerging: 'M10 17V8M6.500 11 10 7.500l3.500 3.500M3 17h14M10 4.500V3M5.500 5.500 4.500 4.500M14.500 5.500l1-1',
  movers: 'M6 16.500V4M3 7l3-3 3 3M14 3.500V16M11 13l3 3 3-3',
  campaigns:
    'M5 7.500a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400ZM15.500 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM9 17a2.200 2.200 0 1 0 0-4.400A2.200 2.200 0 0 0 9 17ZM7.200 5.600l6.300 1M6 7.300l2.200 5.400M14.200 8.600l-3.800 4.500',
  flag: 'M5 17.500V3M5 3.500h9.500l-2 3.500 2 3.500H5',
  undo: 'M7 4 3.500 7.500 7 11M3.500 7.500H12a4.500 4.500 0 0 1 0 9H8',
  refresh: 'M16 8a6.500 6.500 0 1 0 .3 4M16.500 3.500V8H12',
} as const

export type IconName = keyof typeof shapes

export const Icon = ({ name, size = 20 }: { name: IconName; size?: number }) => (
  <svg class="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
    <path d={shapes[name]} />
  </svg>
)

/** Mark is the hub's sign: an eye that watches. */
export const Mark = ({ size = 28 }: { size?: number }) => (
  <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path
      class="mark-lid"
      d="M2.500 16C6.200 9.600 10.800 6.400 16 6.400S25.800 9.600 29.500 16C25.800 22.400 21.200 25.600 16 25.600S6.200 22.400 2.500 16Z"
    />
    <circle class="mark-iris" cx="16" cy="16" r="5.600" />
    <circle class="mark-pupil" cx="16" cy="16" r="2.100" />
  </svg>
)
