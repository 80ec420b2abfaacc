import { theme, type Theme } from '../theme'
import { language, t, type Language } from '../words'
import { Choice } from './choice'
import { Icon } from './icon'

/** Preferences are the switches of language and theme. */
export function Preferences() {
  return (
    <div class="preferences">
      <Choice<Language>
        label={t('language')}
        hidden
        value={language.value}
        choose={(value) => (language.value = value)}
        options={[
          { value: 'en', label: <span lang="en">EN</span>, hint: 'English' },
          { value: 'ms', label: <span lang="ms">BM</span>, hint: 'Bahasa Melayu' },
        ]}
      />
      <Choice<Theme>
        label={t('theme')}
        hidden
        value={theme.value}
        choose={(value) => (theme.value = value)}
        options={[
          { value: 'system', label: <Icon name="device" size={16} />, hint: t('theme_system') },
          { value: 'light', label: <Icon name="sun" size={16} />, hint: t('theme_light') },
          { value: 'dark', label: <Icon name="moon" size={16} />, hint: t('theme_dark') },
        ]}
      />
    </div>
  )
}
