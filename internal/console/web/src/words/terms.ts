// Titles of the taxonomies' terms, as the hub's own files have them.
import categories from 'hub:category'
import regions from 'hub:region'
import { language } from '.'

const titles = new Map([...categories, ...regions].map((term) => [term.name, term]))

/** categoryTitle is a category in the reader's language; a term that is newer than this console stays as it is. */
export const categoryTitle = (name: string): string => titles.get(name)?.[language.value] ?? name

export const regionTitle = categoryTitle

/** topCategories are the classes, each with the terms below it. */
export const topCategories = categories
  .filter(({ parent }) => !parent)
  .map((top) => ({ ...top, below: categories.filter(({ parent }) => parent === top.name) }))

/** states are the regions below the whole country. */
export const states = regions.filter(({ parent }) => parent)

/** classOf is the class that a category belongs to, itself when it is one. */
export const classOf = (name: string): string => titles.get(name)?.parent ?? name
