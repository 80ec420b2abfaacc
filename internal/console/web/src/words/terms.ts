// Titles of the taxonomies' terms, as the hub's own files have them.
import categories from 'hub:category'
import institutions from 'hub:institution'
import platforms from 'hub:platform'
import regions from 'hub:region'
import { language } from '.'

/** taxonomies are those by which events can be told apart, with their terms. */
export const taxonomies = { category: categories, institution: institutions, platform: platforms, region: regions }
export type Taxonomy = keyof typeof taxonomies

const named = (terms: typeof categories) => new Map(terms.map((term) => [term.name, term]))
const titles = {
  category: named(categories),
  institution: named(institutions),
  platform: named(platforms),
  region: named(regions),
}

/** termTitle is a term in the reader's language; one that is newer than this console stays as it is. */
export const termTitle = (taxonomy: Taxonomy, name: string): string =>
  titles[taxonomy].get(name)?.[language.value] ?? name

export const categoryTitle = (name: string): string => termTitle('category', name)
export const platformTitle = (name: string): string => termTitle('platform', name)

/** topCategories are the classes, each with the terms below it. */
export const topCategories = categories
  .filter(({ parent }) => !parent)
  .map((top) => ({ ...top, below: categories.filter(({ parent }) => parent === top.name) }))

/** states are the regions below the whole country. */
export const states = regions.filter(({ parent }) => parent)

/** classOf is the class that a category belongs to, itself when it is one. */
export const classOf = (name: string): string => titles.category.get(name)?.parent ?? name
