import js from '@eslint/js'
import ts from 'typescript-eslint'
import { noTextIndex } from './scripts/lint/no-text-index.js'

export default ts.config(
  {
    ignores: [
      'dist/',
      '.tap/',
      'node_modules/',
      'bench/peers/',
      'bin/',
      'deploy/',
      'examples/start.js',
      'scripts/node-version.js',
      'eslint.config.js',
      'scripts/lint/'
    ]
  },
  js.configs.recommended,
  ...ts.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-control-regex': 'off',
      eqeqeq: ['error', 'always']
    }
  },
  {
    files: ['src/**/*.ts'],
    plugins: { lb: { rules: { 'no-text-index': noTextIndex } } },
    rules: { 'lb/no-text-index': 'error' }
  },
  // tap queues its subtests itself: `t.test(...)` is awaited by the parent test.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off' } }
)
